// Examples from a data file.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "data/example.h"

namespace r1 {

struct LoadedData {
    std::vector<Example> examples;
    std::vector<std::string> where;     // of each example: "FILE:LINE"
    size_t skipped = 0;                 // rows that could not be used
    std::vector<std::string> problems;  // the first of them: "FILE:LINE: what is wrong"
    std::string file_kind;              // "JSON lines, gzip"
};

// Reads a file of any kind (data/rows.h) and format (data/readers.h). Rows that cannot be used are named,
// counted and skipped: with `graded`, also those whose kind has no verifier and those whose gold it could not
// read, so that no such gold ever becomes a reward. Throws Error if the file cannot be read or holds no
// usable row.
LoadedData load_examples(const std::filesystem::path& path, bool graded = true, size_t most_problems = 20);

}  // namespace r1
