# Proves one way of consuming the library, from nothing but what that way is given. Run by ctest as
#   cmake -D way=install|find_package|add_subdirectory|pkg_config -D kind=static|shared -D work=DIR ... -P consume.cmake
cmake_minimum_required(VERSION 3.25)

function(run)
    execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(configure_and_build source)
    string(REPLACE ";" "\\;" escaped_parts "${parts}")
    file(REMOVE_RECURSE ${work}/${way})
    run(${CMAKE_COMMAND} -S ${source} -B ${work}/${way} -G ${generator} -DCMAKE_BUILD_TYPE=Debug
        -DCMAKE_CXX_FLAGS_DEBUG=-g0 -DCMAKE_CXX_COMPILER=${compiler} -DCMAKE_CXX_COMPILER_LAUNCHER=${launcher}
        -DCMAKE_UNITY_BUILD_BATCH_SIZE=6 -Dprogram=${program} "-Dparts=${escaped_parts}"
        --no-warn-unused-cli ${ARGN})
    run(${CMAKE_COMMAND} --build ${work}/${way} --parallel 2)
endfunction()

# Runs a host; the argument is its program, and it keeps its data in a folder of its own.
function(run_host program)
    file(REMOVE_RECURSE ${program}-data)
    file(MAKE_DIRECTORY ${program}-data)
    run(${program} ${program}-data)
endfunction()

set(here ${CMAKE_CURRENT_LIST_DIR})
set(program ${here}/program/main.cpp)
set(prefix ${work}/prefix-${kind})
string(REPLACE "," ";" parts "${parts}")

# The install tree that the other ways start from: archives out of this very build.
if(way STREQUAL "install" AND kind STREQUAL "static")
    file(REMOVE_RECURSE ${prefix})
    run(${CMAKE_COMMAND} --install ${build} --prefix ${prefix} --component statetrack_development)

# The same with shared libraries, from a build of their own, in which each file stands alone.
elseif(way STREQUAL "install")
    file(REMOVE_RECURSE ${prefix})
    set(way build-shared)
    set(sqlite OFF)
    if("sqlite" IN_LIST parts)
        set(sqlite ON)
    endif()
    configure_and_build(${source} -DBUILD_SHARED_LIBS=ON -DSTATETRACK_DAEMON=OFF -DSTATETRACK_TESTS=OFF
        -DSTATETRACK_EXAMPLES=OFF -DSTATETRACK_SQLITE=${sqlite})
    run(${CMAKE_COMMAND} --install ${work}/${way} --prefix ${prefix} --component statetrack_development)
    file(GLOB libraries ${prefix}/lib*/*.so.0.* ${prefix}/lib*/*/*.so.0.*)
    if(NOT libraries)
        message(FATAL_ERROR "no versioned shared library was installed")
    endif()

elseif(way STREQUAL "find_package")
    configure_and_build(${here}/find_package -DCMAKE_PREFIX_PATH=${prefix})
    run_host(${work}/${way}/host)

elseif(way STREQUAL "add_subdirectory")
    configure_and_build(${here}/add_subdirectory -Dstatetrack_source=${source} -DCMAKE_UNITY_BUILD=ON)
    run_host(${work}/${way}/host)
    file(READ ${work}/${way}/compile_commands.json commands)
    if(commands MATCHES "-Werror|-Wall|-fsanitize")
        message(FATAL_ERROR "statetrack's own warnings or sanitizers reached a host: ${CMAKE_MATCH_0}")
    endif()
    run(${CMAKE_COMMAND} --install ${work}/${way} --prefix ${work}/host-prefix)
    if(EXISTS ${work}/host-prefix)
        message(FATAL_ERROR "installing the host installed statetrack")
    endif()

elseif(way STREQUAL "pkg_config")
    file(GLOB_RECURSE descriptions ${prefix}/*.pc)
    list(GET descriptions 0 description)
    cmake_path(GET description PARENT_PATH folder)
    set(ENV{PKG_CONFIG_PATH} ${folder})
    set(names statetrack)
    if("sqlite" IN_LIST parts)
        list(APPEND names statetrack-sqlite)
        set(defined -DHOST_WITH_SQLITE)
    endif()
    execute_process(COMMAND pkg-config --cflags --libs ${names} OUTPUT_VARIABLE flags
        OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
    separate_arguments(flags UNIX_COMMAND "${flags}")
    run(${compiler} -std=c++20 ${defined} ${program} -o ${work}/host-${kind} ${flags})
    cmake_path(GET folder PARENT_PATH libraries)
    set(ENV{LD_LIBRARY_PATH} ${libraries})
    run_host(${work}/host-${kind})

else()
    message(FATAL_ERROR "no such way of consuming the library: ${way}")
endif()
