# The Debian package of the daemon: `cpack -G DEB` in a build folder. Its files are a component that no plain
# `cmake --install` installs, since some of them have their place outside of every prefix.
set(STATETRACK_PACKAGE_CONTACT "The statetrack authors <statetrack@localhost>"
    CACHE STRING "Who answers for the Debian package: Name <address>")
set(deploy ${PROJECT_SOURCE_DIR}/daemon/deploy)
set(made ${CMAKE_CURRENT_BINARY_DIR}/package)

function(statetrack_package_files destination)
    install(FILES ${ARGN} DESTINATION ${destination} COMPONENT statetrack_debian EXCLUDE_FROM_ALL)
endfunction()

# Packages carry some texts compressed, without a time that would make every build another one.
function(statetrack_compressed from to)
    execute_process(COMMAND gzip -9nc ${from} OUTPUT_FILE ${to} COMMAND_ERROR_IS_FATAL ANY)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${from})
endfunction()

# Debian's form of LICENSE: its holders, then its text, indented, with dots for blank lines.
file(READ ${PROJECT_SOURCE_DIR}/LICENSE license)
string(REGEX MATCH "Copyright \\(c\\) ([^\n]*)" found "${license}")
set(statetrack_copyright "${CMAKE_MATCH_1}")
string(REGEX REPLACE "^.*Copyright[^\n]*\n+" "" license "${license}")
string(STRIP "${license}" license)
string(REGEX REPLACE "\n\n" "\n.\n" license "${license}")
string(REGEX REPLACE "\n" "\n " license " ${license}")
set(statetrack_license "${license}")
configure_file(${deploy}/debian/copyright.in ${made}/copyright @ONLY)
configure_file(${deploy}/debian/changelog.in ${made}/changelog @ONLY)
statetrack_compressed(${made}/changelog ${made}/changelog.gz)
statetrack_compressed(${deploy}/debian/statetrackd.1 ${made}/statetrackd.1.gz)

install(TARGETS statetrackd RUNTIME DESTINATION /usr/bin COMPONENT statetrack_debian EXCLUDE_FROM_ALL)
statetrack_package_files(/lib/systemd/system ${deploy}/statetrackd.service ${deploy}/statetrackd.socket)
install(FILES ${deploy}/debian/sysusers.conf DESTINATION /usr/lib/sysusers.d RENAME statetrackd.conf
    COMPONENT statetrack_debian EXCLUDE_FROM_ALL)
statetrack_package_files(/etc/statetrack ${deploy}/statetrackd.conf)
statetrack_package_files(/usr/share/man/man1 ${made}/statetrackd.1.gz)
file(GLOB documents CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/daemon/docs/*.md)
statetrack_package_files(/usr/share/doc/statetrackd
    ${made}/copyright ${made}/changelog.gz ${PROJECT_SOURCE_DIR}/README.md ${documents})
statetrack_package_files(/usr/share/doc/statetrackd/examples
    ${deploy}/alerts.yml ${deploy}/grafana-board.json ${deploy}/nginx.conf
    ${deploy}/nginx-stream.conf)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME statetrackd)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "${STATETRACK_PACKAGE_CONTACT}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "tracks the sessions of AI coding agents")
set(CPACK_PACKAGE_DESCRIPTION
"A daemon with an HTTP API that knows which sessions of coding agents live and
which have stopped responding, says why, and hands their work on exactly once.
It keeps everything in one SQLite file.")
set(CPACK_INSTALL_CMAKE_PROJECTS "${CMAKE_BINARY_DIR};${PROJECT_NAME};statetrack_debian;/")
# Destinations are absolute: into the package, not into this machine.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "init-system-helpers (>= 1.54~), systemd | systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${deploy}/debian/postinst ${deploy}/debian/prerm ${deploy}/debian/postrm ${deploy}/debian/conffiles)
include(CPack)
