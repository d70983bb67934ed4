# Runs PROGRAM in the empty folder PLACE; fails unless it ends with 0.
file(REMOVE_RECURSE ${PLACE})
file(MAKE_DIRECTORY ${PLACE})
execute_process(COMMAND ${PROGRAM} WORKING_DIRECTORY ${PLACE} RESULT_VARIABLE code)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} ended with ${code}")
endif()
file(REMOVE_RECURSE ${PLACE})
