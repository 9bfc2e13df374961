# What is installed: the shared library and its headers, a CMake package, a pkg-config module, the program.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/crossdock)
set(package_files ${PROJECT_BINARY_DIR}/package)

install(TARGETS crossdock crossdock_public EXPORT crossdock FILE_SET HEADERS)
install(EXPORT crossdock NAMESPACE crossdock:: FILE crossdock-targets.cmake DESTINATION ${package_dir})

configure_package_config_file(cmake/crossdock-config.cmake.in ${package_files}/crossdock-config.cmake
  INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${package_files}/crossdock-config-version.cmake
  COMPATIBILITY ${crossdock_compatibility})
install(FILES ${package_files}/crossdock-config.cmake ${package_files}/crossdock-config-version.cmake
  DESTINATION ${package_dir})

# Relative, like the CMake package: the installed tree may be moved.
file(RELATIVE_PATH prefix_from_pkgconfig /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/crossdock.pc.in ${package_files}/crossdock.pc @ONLY)
install(FILES ${package_files}/crossdock.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(TARGET crossdock_tool)
  install(TARGETS crossdock_tool)
endif()
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
