// Runs a program to its end, with given input, and keeps what it wrote.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace holdfast::test {

struct Outcome {
  int code = -1;  // Of the program, or 128 plus the signal that ended it.
  std::string out;
  std::string err;
};

struct ProcessOptions {
  std::string input = {};
  // Where its standard output goes instead of into Outcome::out.
  std::optional<std::string> out_file = {};
  // Its standard output is a pipe that nobody reads any more.
  bool closed_out = false;
};

Outcome run(const std::vector<std::string>& command, const ProcessOptions& options = {});

// A program that is still running, with its standard input open to us.
class RunningProcess {
 public:
  explicit RunningProcess(const std::vector<std::string>& command);
  ~RunningProcess();
  RunningProcess(const RunningProcess&) = delete;
  RunningProcess& operator=(const RunningProcess&) = delete;

  void write(const std::string& text) const;
  // What it has written to standard output, up to and including `text`; all there is at its end.
  std::string read_until(const std::string& text) const;
  void signal(int number) const;
  // Closes its input and waits for its exit code.
  int finish();

 private:
  pid_t pid_;
  int in_;
  int out_;
};

// Whether a program of this name can be started.
bool installed(const std::string& program);

// A folder of its own for each test, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

void write_file(const std::string& path, const std::string& text);
std::string read_file(const std::string& path);

}  // namespace holdfast::test
