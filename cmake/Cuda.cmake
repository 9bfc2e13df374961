# The CUDA backend. Without CROSSDOCK_CUDA nothing below is looked for.

# crossdock_compile_kernels(<sources>): in an emulated build the .cu files among them are C++ (docs/design/emulator.md).
# Called in the directory of the target that has them.
function(crossdock_compile_kernels)
  if(NOT CROSSDOCK_EMULATED_GPU)
    return()
  endif()
  list(FILTER ARGN INCLUDE REGEX "\\.cu$")
  if(CROSSDOCK_SANITIZE STREQUAL thread)
    set(of_races ";--param=tsan-distinguish-volatile=1")  # tests/emulator/simt/volatile.cpp
  endif()
  set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CXX
    COMPILE_OPTIONS "-x;c++;-include;cuda_runtime.h;-fno-extern-tls-init;-fno-strict-aliasing;-Wno-shadow;-Wno-conversion;-Wno-unknown-pragmas${of_races}")
endfunction()

if(CROSSDOCK_EMULATED_GPU)
  set(CROSSDOCK_CUDA ON)
  # Before the rooms' own: its device/ptx stands for theirs.
  include_directories(BEFORE ${PROJECT_SOURCE_DIR}/tests/emulator/include)
  include_directories(BEFORE ${PROJECT_SOURCE_DIR}/tests/emulator)
  return()
endif()
if(NOT CROSSDOCK_CUDA)
  return()
endif()

# sm_90a is tuned; 80 and 100 compile.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 90a)
endif()
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)

# The options so far are g++'s.
get_directory_property(host_options COMPILE_OPTIONS)
list(TRANSFORM host_options REPLACE "(.+)" "$<$<COMPILE_LANGUAGE:CXX>:\\1>")
set_directory_properties(PROPERTIES COMPILE_OPTIONS "${host_options}")
# CMake 3.25 does not know that nvcc 13 has C++20.
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
endif()
set(CMAKE_CUDA_STANDARD 20)
add_compile_options($<$<COMPILE_LANGUAGE:CUDA>:-lineinfo> $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra>)

# The fault port of the kernels: random pauses around fences and flags.
option(CROSSDOCK_KERNEL_PAUSES "Slow kernels that test memory order" OFF)
if(CROSSDOCK_KERNEL_PAUSES)
  add_compile_definitions($<$<COMPILE_LANGUAGE:CUDA>:CROSSDOCK_KERNEL_PAUSES>)
endif()
