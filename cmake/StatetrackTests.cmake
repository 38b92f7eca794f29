# One test executable of doctest files: add_statetrack_test(name SOURCES ... LIBS ... LABELS ... [OPTIMIZED]). Every case is a
# test of its own to ctest, found when the executable is built, so ctest -N says how many there are.
find_package(doctest 2.4 REQUIRED)
include(doctest)

# g++ 12's thread sanitizer does not start with more than 28 random bits in addresses.
set(statetrack_test_launcher "")
if(STATETRACK_SANITIZE MATCHES "thread")
    execute_process(COMMAND setarch ${CMAKE_HOST_SYSTEM_PROCESSOR} -R true RESULT_VARIABLE refused OUTPUT_QUIET ERROR_QUIET)
    if(refused EQUAL 0)
        set(statetrack_test_launcher setarch ${CMAKE_HOST_SYSTEM_PROCESSOR} -R)
    endif()
endif()

# Each program is linked once a build; mold takes a second where GNU ld takes five.
find_program(STATETRACK_MOLD NAMES mold DOC "Links the tests, where it is there")

add_library(statetrack_test_main STATIC ${PROJECT_SOURCE_DIR}/tests/main.cpp)
target_include_directories(statetrack_test_main PUBLIC ${PROJECT_SOURCE_DIR}/tests/support)
target_link_libraries(statetrack_test_main PUBLIC doctest::doctest PRIVATE statetrack_warnings)
if(STATETRACK_MOLD)
    target_link_options(statetrack_test_main INTERFACE -fuse-ld=mold)
endif()
# An exception inside an assertion fails the whole case instead of that line; a quarter less to compile.
target_compile_definitions(statetrack_test_main PUBLIC DOCTEST_CONFIG_SUPER_FAST_ASSERTS)

function(add_statetrack_test name)
    cmake_parse_arguments(PARSE_ARGV 1 test "OPTIMIZED" "" "SOURCES;LIBS;LABELS")
    # What waits for other processes begins early: at the end it would be waited for.
    set(test_COST 0)
    if(CMAKE_CURRENT_SOURCE_DIR MATCHES "/process$")
        set(test_COST 50)
    endif()
    set(target ${name}_test)
    add_executable(${target} ${test_SOURCES})
    target_link_libraries(${target} PRIVATE statetrack_test_main ${test_LIBS} statetrack_warnings)
    # A test runs once a compilation, and the library is what takes its time: not where it is OPTIMIZED.
    if(NOT test_OPTIMIZED)
        target_compile_options(${target} PRIVATE -O0)
        set_target_properties(${target} PROPERTIES STATETRACK_IS_UNOPTIMIZED ON STATETRACK_IS_TEST ON)
    endif()
    if(STATETRACK_TOGETHER)
        set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
    endif()
    set_target_properties(${target} PROPERTIES
        LABELS "${test_LABELS}" CROSSCOMPILING_EMULATOR "${statetrack_test_launcher}")
    doctest_discover_tests(${target} TEST_PREFIX "${name}: ")
    # A name that doctest's filter does not find would pass without having run.
    set(properties ${CMAKE_CURRENT_BINARY_DIR}/${target}_properties.cmake)
    file(WRITE ${properties}
        "set_tests_properties(\${${target}_TESTS} PROPERTIES LABELS \"${test_LABELS}\" TIMEOUT 900\n"
        "    FAIL_REGULAR_EXPRESSION \"test cases: +0 \" COST ${test_COST})\n")
    set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${properties})
endfunction()
