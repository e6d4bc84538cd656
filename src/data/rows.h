// The rows of a data file, whatever it is packed in: JSON lines, a JSON array or Parquet; the texts plain,
// gzip or zstd. The kind is told by the file's first bytes, not by its name.
#pragma once
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace r1 {

struct Row {
    nlohmann::json value;
    std::string_view text;  // as the file has it; empty of Parquet
    std::string where;      // "FILE:LINE", or "FILE: row N" of Parquet (N from 1)

    std::string json() const { return text.empty() ? value.dump() : std::string(text); }
};

// Calls visit for each row in order; it may take the row apart. A row that is not JSON, or for which visit
// throws Error, is told to bad("FILE:LINE: what is wrong") and passed over. Blank lines are no rows; lines
// end at \n alone. Returns what the file is: "JSON lines, gzip". Throws Error if the file itself cannot be
// read.
std::string for_each_row(const std::filesystem::path& path, const std::function<void(Row&)>& visit,
                         const std::function<void(const std::string& problem)>& bad);

// Calls visit(line, number from 1) for each line of a text.
void for_each_line(std::string_view text, const std::function<void(std::string_view, size_t)>& visit);

// The objects of a JSONL file that a run wrote, in order; none if there is no such file. Other lines, as half
// a last one, are passed over.
std::vector<nlohmann::json> read_json_rows(const std::filesystem::path& path);

// The file's bytes, unpacked if they are gzip or zstd (at most `most_bytes` of them).
std::string read_text_file(const std::filesystem::path& path, size_t most_bytes = size_t{4} << 30);

}  // namespace r1
