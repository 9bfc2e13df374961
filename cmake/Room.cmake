include(${CMAKE_CURRENT_LIST_DIR}/Arrows.cmake)

# A room is a folder of src/ and a target, crossdock_<name>. Its headers are included as "<path>/file.hpp".
# Each room has an include folder of its own that holds nothing but a link to it, so a room can include exactly the
# rooms it links: a wrong arrow (ARCHITECTURE.md) does not build.
#
#   crossdock_room(<name> [PATH <folder below src>] [SOURCES ...] [ROOMS ...] [LINK ...]
#                 [WITHOUT <folder below PATH that is a room of its own>])
#
# ROOMS are other rooms; LINK are libraries from outside, private to the room.
function(crossdock_room name)
  cmake_parse_arguments(ROOM "" "PATH;WITHOUT" "SOURCES;ROOMS;LINK" ${ARGN})
  if(NOT ROOM_PATH)
    set(ROOM_PATH ${name})
  endif()
  set(include_dir ${PROJECT_BINARY_DIR}/rooms/${name})
  get_filename_component(parent ${include_dir}/${ROOM_PATH} DIRECTORY)
  file(MAKE_DIRECTORY ${parent})
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/src/${ROOM_PATH} ${include_dir}/${ROOM_PATH} SYMBOLIC)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${include_dir}/${ROOM_PATH}/*.hpp)
  if(ROOM_WITHOUT)
    list(FILTER headers EXCLUDE REGEX "/${ROOM_PATH}/${ROOM_WITHOUT}/")
  endif()

  string(REGEX MATCH "^[^/]+" folder ${ROOM_PATH})
  crossdock_check_arrows(${name} ${folder} "${ROOM_ROOMS}")

  list(TRANSFORM ROOM_ROOMS PREPEND crossdock_)
  add_library(crossdock_${name} STATIC ${ROOM_SOURCES})
  crossdock_compile_kernels(${ROOM_SOURCES})
  set_target_properties(crossdock_${name} PROPERTIES crossdock_folder ${folder})
  target_sources(crossdock_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${include_dir} FILES ${headers})
  target_link_libraries(crossdock_${name} PUBLIC crossdock_public ${ROOM_ROOMS} PRIVATE ${ROOM_LINK})
  set_property(GLOBAL APPEND PROPERTY crossdock_rooms crossdock_${name})
  set_property(GLOBAL APPEND PROPERTY crossdock_room_links ${ROOM_LINK})
  # Debuggers and __FILE__ see src/, not the link.
  target_compile_options(crossdock_${name} PUBLIC
    $<$<COMPILE_LANGUAGE:CXX>:-fdebug-prefix-map=${include_dir}/=${PROJECT_SOURCE_DIR}/src/>
    $<$<COMPILE_LANGUAGE:CXX>:-fmacro-prefix-map=${include_dir}/=src/>)
endfunction()
