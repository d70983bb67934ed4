# Configures, builds and runs tests/install/consumer against an installed Holdfast
# (ROUTE=find_package) or against its sources (ROUTE=add_subdirectory).

function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    list(JOIN ARGV " " command)
    message(FATAL_ERROR "${command}\n${output}\nended with ${result}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})
file(MAKE_DIRECTORY ${WORK_DIR}/run)
set(options -G Ninja -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_BUILD_TYPE=${BUILD_TYPE}
  -D CMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})
if(ROUTE STREQUAL "find_package")
  run(${CMAKE_COMMAND} --install ${HOLDFAST_BINARY_DIR} --prefix ${WORK_DIR}/prefix)
  list(APPEND options -D CMAKE_PREFIX_PATH=${WORK_DIR}/prefix)
else()
  list(APPEND options -D HOLDFAST_SOURCE_DIR=${HOLDFAST_SOURCE_DIR})
endif()
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/consumer -B ${WORK_DIR}/build ${options})
run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
execute_process(COMMAND ${WORK_DIR}/build/consumer WORKING_DIRECTORY ${WORK_DIR}/run
  RESULT_VARIABLE result OUTPUT_VARIABLE output)
if(NOT result EQUAL 0 OR NOT output STREQUAL "apple is red\napple=red\nbanana=yellow\n")
  message(FATAL_ERROR "The consumer ended with ${result} and wrote:\n${output}")
endif()
run(${WORK_DIR}/build/consumer_crashes)
file(REMOVE_RECURSE ${WORK_DIR})
