// Problems from files, in the shapes that people have them, as one kind of example.
#pragma once
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace r1 {

// A prompt is text that goes to the model as it is, or messages that a chat template turns into text.
struct Example {
    std::string prompt;       // empty if there are messages
    nlohmann::json messages;  // [{"role", "content"}, ...] or null
    std::string kind;         // the verifier: number, countdown, arithmetic, knights
    nlohmann::json gold;      // what that verifier compares with
};

struct LoadedData {
    std::vector<Example> examples;
    size_t skipped = 0;                 // lines that could not be used
    std::vector<std::string> problems;  // the first of them: "FILE:LINE: what is wrong"
};

// Reads JSONL, plain or gzip (by its first bytes). Lines end at \n alone; blank lines are passed over. By
// their keys:
//   question, answer            GSM8K: gold after ####; CMATH's question, golden
//   nums | numbers, target      countdown
//   prompt, reward_model        verl: gold in reward_model.ground_truth
//   prompt, label               slime
//   problem, answer | solution  open-r1 and MATH: gold is answer, else the last \boxed{} of the solution
//   prompt + one of answer, solution, ground_truth, gold, target, label     TRL; prompt is text or messages
//   prompt, family, gold        problems that this program wrote
// A gold that its verifier could not read is found here, named with its line, counted and skipped.
// Throws Error if the file cannot be read or holds no usable line.
LoadedData load_examples(const std::filesystem::path& path);

Example parse_example(const nlohmann::json& row);  // throws Error, saying what is missing

// Calls visit(line, number from 1) for each line of a JSONL text.
void for_each_line(std::string_view text, const std::function<void(std::string_view, size_t)>& visit);

// The objects of a JSONL file that a run wrote, in order; none if there is no such file. Other lines, as half
// a last one, are passed over.
std::vector<nlohmann::json> read_json_rows(const std::filesystem::path& path);

// The file's bytes, unpacked if they are gzip (at most `most_bytes` of them).
std::string read_text_file(const std::filesystem::path& path, size_t most_bytes = size_t{4} << 30);

}  // namespace r1
