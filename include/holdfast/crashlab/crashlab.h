// The crash lab for applications: does *your* data survive, whatever happens to the storage?
//
//   holdfast::crashlab::Subject bank;
//   bank.work = [](holdfast::Database& db, holdfast::crashlab::Life& life) { return transfer(db);
//   }; bank.check = [](holdfast::Database& db, const holdfast::crashlab::Evidence&) {
//     return sum(db) == 1000 ? "" : "money came or went";
//   };
//   const auto report = holdfast::crashlab::run(bank);
//   if (!report.sound()) std::cerr << report.to_string(true);
//
// Link holdfast::crashlab. docs/TESTING.md is the manual, docs/examples/crashlab_bank.cc a program.
#pragma once

#include "holdfast/crashlab/life.h"
#include "holdfast/crashlab/report.h"
#include "holdfast/crashlab/run.h"
#include "holdfast/crashlab/subject.h"
