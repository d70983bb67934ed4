# Builds and runs tests/install/consumer against Holdfast, taken in by one of the ROUTEs:
#   find_package          the static library of this build, installed
#   find_package_shared   a shared library, built and installed
#   pkg_config            the same two installations, without CMake
#   add_subdirectory, fetch_content   the sources

function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE errors)
  if(NOT result EQUAL 0)
    list(JOIN ARGV " " command)
    message(FATAL_ERROR "${command}\n${output}\n${errors}\nended with ${result}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

function(expect_consumer program)
  file(REMOVE_RECURSE ${WORK_DIR}/run)
  file(MAKE_DIRECTORY ${WORK_DIR}/run)
  execute_process(COMMAND ${ARGV} WORKING_DIRECTORY ${WORK_DIR}/run
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE errors)
  if(NOT result EQUAL 0 OR NOT output STREQUAL "apple is red\napple=red\nbanana=yellow\n")
    message(FATAL_ERROR "The consumer ended with ${result} and wrote:\n${output}\n${errors}")
  endif()
endfunction()

set(options -G Ninja -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_BUILD_TYPE=${BUILD_TYPE}
  -D CMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})

function(install_static prefix)
  run(${CMAKE_COMMAND} --install ${HOLDFAST_BINARY_DIR} --prefix "${prefix}")
endfunction()

function(install_shared prefix)
  run(${CMAKE_COMMAND} -S ${HOLDFAST_SOURCE_DIR} -B ${WORK_DIR}/shared ${options} -D BUILD_SHARED_LIBS=ON
    -D HOLDFAST_TESTS=OFF -D HOLDFAST_TOOLS=OFF -D HOLDFAST_CRASHLAB=OFF)
  run(${CMAKE_COMMAND} --build ${WORK_DIR}/shared)
  run(${CMAKE_COMMAND} --install ${WORK_DIR}/shared --prefix "${prefix}")
endfunction()

# With the linker's word for whatever a shared library lacks.
function(build_by_pkg_config prefix)
  set(ENV{PKG_CONFIG_PATH} ${prefix}/${LIBDIR}/pkgconfig)
  run(pkg-config --cflags --libs holdfast)
  separate_arguments(flags UNIX_COMMAND "${output}")
  run(${COMPILER} -std=c++23 ${HOLDFAST_SOURCE_DIR}/docs/examples/hello.cc -o ${WORK_DIR}/hello ${flags}
    -Wl,--no-undefined)
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})
file(MAKE_DIRECTORY ${WORK_DIR})
set(prefix "${WORK_DIR}/a prefix")  # With a space in it.
if(ROUTE STREQUAL "pkg_config")
  set(prefix ${WORK_DIR}/prefix)  # pkg-config's answers are words.
  install_static(${prefix}/static)
  build_by_pkg_config(${prefix}/static)
  expect_consumer(${WORK_DIR}/hello)
  install_shared(${prefix}/shared)
  build_by_pkg_config(${prefix}/shared)
  expect_consumer(${CMAKE_COMMAND} -E env LD_LIBRARY_PATH=${prefix}/shared/${LIBDIR} ${WORK_DIR}/hello)
  file(REMOVE_RECURSE ${WORK_DIR})
  return()
endif()

if(ROUTE STREQUAL "find_package")
  install_static("${prefix}")
  list(APPEND options -D "CMAKE_PREFIX_PATH=${prefix}" -D WITH_CRASHLAB=ON)
elseif(ROUTE STREQUAL "find_package_shared")
  install_shared("${prefix}")
  run(${PYTHON} ${CMAKE_CURRENT_LIST_DIR}/symbols_test.py ${HOLDFAST_SOURCE_DIR}
    "${prefix}/${LIBDIR}/libholdfast.so")
  list(APPEND options -D "CMAKE_PREFIX_PATH=${prefix}")
else()
  list(APPEND options -D ROUTE=${ROUTE} -D HOLDFAST_SOURCE_DIR=${HOLDFAST_SOURCE_DIR} -D WITH_CRASHLAB=ON)
endif()
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/consumer -B ${WORK_DIR}/build ${options})
run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
expect_consumer(${WORK_DIR}/build/consumer)
if(NOT ROUTE STREQUAL "find_package_shared")
  run(${WORK_DIR}/build/consumer_crashes)
endif()
file(REMOVE_RECURSE ${WORK_DIR})
