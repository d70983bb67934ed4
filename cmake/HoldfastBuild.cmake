# How the library's modules, tests and programs are built.

if(NOT CMAKE_BUILD_TYPE AND HOLDFAST_TOP_LEVEL)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
find_package(Threads REQUIRED GLOBAL)  # Global: those who add_subdirectory us link it too.
find_package(PkgConfig REQUIRED)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET GLOBAL libxxhash)

# What every part of the project is compiled with; not what users of the library see.
add_library(holdfast_flags INTERFACE)
target_compile_features(holdfast_flags INTERFACE cxx_std_23)
target_include_directories(holdfast_flags INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
target_compile_options(holdfast_flags INTERFACE -Wall -Wextra -Wshadow -fno-math-errno)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 sees impossible lengths in string concatenation.
  target_compile_options(holdfast_flags INTERFACE -Wno-restrict)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(holdfast_flags INTERFACE -Werror -Wno-gnu-statement-expression)
endif()
if(HOLDFAST_CHECK_REDO)
  target_compile_definitions(holdfast_flags INTERFACE HOLDFAST_CHECK_REDO=1)
endif()
if(HOLDFAST_SANITIZE STREQUAL "address")
  set(sanitizer_flags -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
elseif(HOLDFAST_SANITIZE STREQUAL "thread")
  set(sanitizer_flags -fsanitize=thread -fno-omit-frame-pointer)
elseif(NOT HOLDFAST_SANITIZE STREQUAL "")
  message(FATAL_ERROR "HOLDFAST_SANITIZE is '${HOLDFAST_SANITIZE}'; it must be address, thread or empty")
endif()
if(HOLDFAST_FUZZERS)
  list(APPEND sanitizer_flags -fsanitize=fuzzer-no-link)
endif()
if(HOLDFAST_COVERAGE)
  # What is too nested for MC/DC is a warning.
  list(APPEND sanitizer_flags -fprofile-instr-generate -fcoverage-mapping -fcoverage-mcdc -Wno-error)
endif()
if(sanitizer_flags)
  target_compile_options(holdfast_flags INTERFACE ${sanitizer_flags})
  target_link_options(holdfast_flags INTERFACE ${sanitizer_flags})
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND HOLDFAST_TOP_LEVEL)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

# holdfast_module(NAME FOLDER): every .cc file directly in FOLDER.
function(holdfast_module name folder)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cc)
  if(NOT sources)
    return()
  endif()
  add_library(holdfast_${name} OBJECT ${sources})
  set_target_properties(holdfast_${name} PROPERTIES
    POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_link_libraries(holdfast_${name} PRIVATE holdfast_flags PkgConfig::XXHASH Threads::Threads)
  set_property(GLOBAL APPEND PROPERTY HOLDFAST_MODULES holdfast_${name})
endfunction()

# The library that users link, and what installs it.
function(holdfast_library)
  get_property(modules GLOBAL PROPERTY HOLDFAST_MODULES)
  set(objects "")
  foreach(module ${modules})
    list(APPEND objects $<TARGET_OBJECTS:${module}>)
  endforeach()
  add_library(holdfast ${objects})
  add_library(holdfast::holdfast ALIAS holdfast)
  # Before 1.0 a minor version may change the interface: docs/STABILITY.md.
  set_target_properties(holdfast PROPERTIES VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} LINKER_LANGUAGE CXX)
  target_compile_features(holdfast PUBLIC cxx_std_23)
  target_include_directories(holdfast PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
  target_link_libraries(holdfast PRIVATE PkgConfig::XXHASH Threads::Threads)
  target_link_options(holdfast PUBLIC ${sanitizer_flags})
endfunction()
