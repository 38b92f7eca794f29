# Warnings and sanitizers for what is built here; never handed on to whoever embeds the library.
add_library(statetrack_warnings INTERFACE)
if(PROJECT_IS_TOP_LEVEL)
    target_compile_options(statetrack_warnings INTERFACE
        -Wall -Wextra -Wpedantic -Wconversion -Werror)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # g++ 12 sees uninitialized and out-of-bounds memory inside std::variant and std::string moves at -O2
        # where there is none (GCC bugs 105562, 105329).
        # A variable may be called like its type (`row`), so shadowing is reported among locals only.
        target_compile_options(statetrack_warnings INTERFACE -Wshadow=local -Wno-maybe-uninitialized -Wno-restrict)
    endif()
endif()

if((CMAKE_UNITY_BUILD OR STATETRACK_TOGETHER) AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Of two files in one unit the second counts as included, and its unnamed namespace as everybody's.
    target_compile_options(statetrack_warnings INTERFACE -Wno-subobject-linkage)
endif()

if(STATETRACK_SANITIZE)
    # Unoptimized, 100 000 sessions take minutes under the address sanitizer; the daemon's part of a test's time is
    # small, as is that of all concurrency tests. Line numbers are all of the debug information that is read, and of a
    # test its name says enough.
    target_compile_options(statetrack_warnings INTERFACE
        -fsanitize=${STATETRACK_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
        $<IF:$<BOOL:$<TARGET_PROPERTY:STATETRACK_IS_TEST>>,-g0,-g1>)
    if(NOT STATETRACK_SANITIZE MATCHES "thread")
        target_compile_options(statetrack_warnings INTERFACE
            $<$<NOT:$<BOOL:$<TARGET_PROPERTY:STATETRACK_IS_UNOPTIMIZED>>>:-O1>)
        if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
            # Little inlining: a quarter less to compile.
            target_compile_options(statetrack_warnings INTERFACE "SHELL:-mllvm -inline-threshold=5")
        endif()
    endif()
    if(STATETRACK_FUZZ)
        # What fuzzers look into counts what runs; tests do not.
        target_compile_options(statetrack_warnings INTERFACE
            $<$<NOT:$<BOOL:$<TARGET_PROPERTY:STATETRACK_IS_TEST>>>:-fsanitize=fuzzer-no-link>)
    endif()
    target_compile_definitions(statetrack_warnings INTERFACE STATETRACK_SANITIZED)  # memory grows otherwise
    target_link_options(statetrack_warnings INTERFACE -fsanitize=${STATETRACK_SANITIZE})
    if(STATETRACK_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        target_compile_options(statetrack_warnings INTERFACE -Wno-tsan)
    endif()
endif()
