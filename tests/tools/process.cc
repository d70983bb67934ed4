// fork and exec; input and outputs go through temporary files, so nothing can block.
#include "tests/tools/process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace holdfast::test {
namespace {

[[noreturn]] void become(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  _exit(127);
}

int wait_for(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void redirect(int fd, const std::string& path, int flags) {
  const int file = open(path.c_str(), flags, 0600);
  if (file < 0 || dup2(file, fd) < 0) _exit(126);
  close(file);
}

}  // namespace

Outcome run(const std::vector<std::string>& command, const ProcessOptions& options) {
  const TemporaryFolder folder;
  write_file(folder / "in", options.input);
  const std::string out = options.out_file.value_or(folder / "out");
  const pid_t child = fork();
  if (child == 0) {
    redirect(0, folder / "in", O_RDONLY);
    if (options.closed_out) {
      int ends[2];
      if (pipe(ends) != 0 || dup2(ends[1], 1) < 0) _exit(126);
      close(ends[0]);
      close(ends[1]);
    } else {
      redirect(1, out, O_WRONLY | O_CREAT | O_TRUNC);
    }
    redirect(2, folder / "err", O_WRONLY | O_CREAT | O_TRUNC);
    become(command);
  }
  Outcome outcome;
  outcome.code = wait_for(child);
  if (!options.out_file && !options.closed_out) outcome.out = read_file(out);
  outcome.err = read_file(folder / "err");
  return outcome;
}

RunningProcess::RunningProcess(const std::vector<std::string>& command) {
  int in[2];
  int out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  pid_ = fork();
  if (pid_ == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    become(command);
  }
  close(in[0]);
  close(out[1]);
  in_ = in[1];
  out_ = out[0];
}

RunningProcess::~RunningProcess() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    wait_for(pid_);
  }
  if (in_ >= 0) close(in_);
  close(out_);
}

void RunningProcess::write(const std::string& text) const {
  if (::write(in_, text.data(), text.size()) < 0) throw std::runtime_error("write");
}

std::string RunningProcess::read_until(const std::string& text) const {
  std::string got;
  char c = 0;
  while (!got.ends_with(text) && read(out_, &c, 1) == 1) got += c;
  return got;
}

void RunningProcess::signal(int number) const {
  kill(pid_, number);
}

int RunningProcess::finish() {
  close(in_);
  in_ = -1;
  const int code = wait_for(pid_);
  pid_ = -1;
  return code;
}

bool installed(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null 2>&1").c_str()) == 0;
}

TemporaryFolder::TemporaryFolder() {
  std::string name = std::filesystem::temp_directory_path() / "holdfast-test-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

}  // namespace holdfast::test
