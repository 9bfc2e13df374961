# include/crossdock/version.hpp repeats the version of project(): plain headers can be read, copied and searched, where
# generated ones would exist in build folders only. Here the two are compared.
file(READ ${PROJECT_SOURCE_DIR}/include/crossdock/version.hpp version_header)
foreach(part Major Minor Patch)
  string(REGEX MATCH "kVersion${part} = ([0-9]+);" found "${version_header}")
  list(APPEND header_version ${CMAKE_MATCH_1})
endforeach()
list(JOIN header_version . header_version)
if(NOT header_version STREQUAL PROJECT_VERSION)
  message(FATAL_ERROR "include/crossdock/version.hpp says ${header_version}, project() says ${PROJECT_VERSION}")
endif()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS include/crossdock/version.hpp)

# Which versions are compatible with one another: before 1.0 those of one minor version, then those of one major version.
# The SONAME and the CMake package say the same (docs/guide/versions.md).
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(crossdock_soversion ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  set(crossdock_compatibility SameMinorVersion)
else()
  set(crossdock_soversion ${PROJECT_VERSION_MAJOR})
  set(crossdock_compatibility SameMajorVersion)
endif()
