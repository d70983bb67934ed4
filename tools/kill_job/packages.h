// The data of the main job: the machine's own package database.
#pragma once

#include <string>
#include <vector>

namespace holdfast::kill_job {

struct Package {
  std::string name;  // With ":architecture" where a name occurs twice.
  std::string maintainer;
  std::string paragraph;  // Everything the database says about it, its name included.
};

// The paragraphs of `path`, a file like /var/lib/dpkg/status; empty when there is none.
std::vector<Package> read_packages(const std::string& path);

// A made-up database for machines that have none.
std::vector<Package> sample_packages();

}  // namespace holdfast::kill_job
