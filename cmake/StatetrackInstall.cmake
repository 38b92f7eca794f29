# Installing and exporting: find_package(statetrack COMPONENTS sqlite testing) and pkg-config. Each part has an
# export of its own, so that finding one never asks for what another depends on.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(statetrack_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/statetrack)

# Installs a library of this project if it was built, as statetrack::<part>.
function(statetrack_install_part target part)
    if(NOT TARGET ${target})
        return()
    endif()
    get_target_property(left_out ${target} EXCLUDE_FROM_ALL)
    if(left_out)
        return()
    endif()
    # Before 1.0 a minor version may change the binary interface.
    set_target_properties(${target} PROPERTIES
        EXPORT_NAME ${part}
        VERSION ${PROJECT_VERSION}
        SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
    install(TARGETS ${target} EXPORT statetrack_${part}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT statetrack_development
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT statetrack_development
        FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT statetrack_development)
    install(EXPORT statetrack_${part} NAMESPACE statetrack:: FILE statetrack-${part}.cmake
        DESTINATION ${statetrack_cmake_dir} COMPONENT statetrack_development)
endfunction()

# Writes and installs <name>.pc; relocatable, since it finds its prefix from where it lies.
function(statetrack_install_pkg_config target name)
    if(NOT TARGET ${target})
        return()
    endif()
    file(RELATIVE_PATH pc_prefix
        ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
    string(REGEX REPLACE "/$" "" pc_prefix "${pc_prefix}")
    configure_file(${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${name}.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT statetrack_development)
endfunction()

statetrack_install_part(statetrack statetrack)
statetrack_install_part(statetrack_sqlite sqlite)
statetrack_install_part(statetrack_testing testing)

# Where the library is an archive, whoever links it links what it uses.
set(pc_private ".private")
if(NOT BUILD_SHARED_LIBS)
    set(pc_private "")
endif()
# Boost from elsewhere than the compiler's own folders has to be named.
set(pc_boost_flags "")
set(pc_boost_libs "-lboost_json")
if(NOT Boost_INCLUDE_DIRS STREQUAL "/usr/include")
    set(pc_boost_flags " -I${Boost_INCLUDE_DIRS}")
    set(pc_boost_libs "-L${Boost_LIBRARY_DIRS} -Wl,-rpath,${Boost_LIBRARY_DIRS} -lboost_json")
endif()
statetrack_install_pkg_config(statetrack statetrack)
statetrack_install_pkg_config(statetrack_sqlite statetrack-sqlite)

configure_package_config_file(cmake/statetrackConfig.cmake.in ${PROJECT_BINARY_DIR}/statetrackConfig.cmake
    INSTALL_DESTINATION ${statetrack_cmake_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/statetrackConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/statetrackConfig.cmake ${PROJECT_BINARY_DIR}/statetrackConfigVersion.cmake
    DESTINATION ${statetrack_cmake_dir} COMPONENT statetrack_development)

if(TARGET statetrackd)
    install(TARGETS statetrackd
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT statetrack_daemon)
endif()
