# Flags that every target gets. Presets for work make warnings errors; a user's compiler may know more of them.
add_compile_options(-Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  add_compile_options(-Wno-string-conversion)  # CROSSDOCK_ASSERT(!"reason")
else()
  add_compile_options(-Wno-restrict)  # g++ 12 sees overlap in "text" + std::string (GCC bug 105651)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  add_compile_options(-Wno-restrict)  # false alarms inside std::string's operator+ (GCC bug 105651)
endif()
# The contract rounds after every multiply and every add.
add_compile_options(-ffp-contract=off)
# Assertions name src/file, not the folder somebody built in.
add_compile_options(-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)

if(CROSSDOCK_SANITIZE)
  add_compile_options(-fsanitize=${CROSSDOCK_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${CROSSDOCK_SANITIZE})
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
