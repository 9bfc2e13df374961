# cmake -DROOT=sources -P commit.cmake: the commit that the program names is that of its own repository, or "unknown".
find_package(Git REQUIRED)
include(${ROOT}/cmake/Commit.cmake)

execute_process(COMMAND mktemp -d OUTPUT_VARIABLE folder OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)

function(expect wanted sources)
  set(PROJECT_SOURCE_DIR ${sources})
  crossdock_find_commit(commit)
  if(NOT commit MATCHES "^${wanted}$")
    file(REMOVE_RECURSE ${folder})
    message(FATAL_ERROR "${sources}: expected ${wanted}, got ${commit}")
  endif()
endfunction()

file(MAKE_DIRECTORY ${folder}/repository/unpacked)
expect(unknown ${folder}/repository)
execute_process(COMMAND ${GIT_EXECUTABLE} init --quiet ${folder}/repository COMMAND_ERROR_IS_FATAL ANY)
expect(unknown ${folder}/repository)  # nothing is committed yet
execute_process(
  COMMAND ${GIT_EXECUTABLE} -c user.name=a -c user.email=a@b commit --quiet --allow-empty --message a
  WORKING_DIRECTORY ${folder}/repository COMMAND_ERROR_IS_FATAL ANY)
string(REPEAT "[0-9a-f]" 12 twelve)
expect(${twelve} ${folder}/repository)
expect(unknown ${folder}/repository/unpacked)
file(REMOVE_RECURSE ${folder})
