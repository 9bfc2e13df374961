# The target all_verify_interface_header_sets compiles every header alone, public ones and those of rooms, with the
# include folders of its own room: a header that leans on another include, or on a room that its room must not know,
# does not build even while no source uses it.
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)

file(GLOB public_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/crossdock/*.hpp)
add_library(crossdock_public INTERFACE)
target_sources(crossdock_public
  INTERFACE FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${public_headers})
target_compile_features(crossdock_public INTERFACE cxx_std_20)
set_target_properties(crossdock_public PROPERTIES EXPORT_NAME headers)
