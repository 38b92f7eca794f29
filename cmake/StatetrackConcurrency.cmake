# The target concurrency_tests: every test program labelled concurrency (StatetrackTests.cmake). They are what is
# worth building with the thread sanitizer, which is slow to build.
function(statetrack_add_concurrency_tests folder)
    get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
    foreach(target IN LISTS targets)
        get_target_property(type ${target} TYPE)
        get_target_property(labels ${target} LABELS)
        if(type STREQUAL "EXECUTABLE" AND "concurrency" IN_LIST labels)
            add_dependencies(concurrency_tests ${target})
        endif()
    endforeach()
    get_property(folders DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
    foreach(inner IN LISTS folders)
        statetrack_add_concurrency_tests(${inner})
    endforeach()
endfunction()

add_custom_target(concurrency_tests)
statetrack_add_concurrency_tests(${PROJECT_SOURCE_DIR}/tests)
