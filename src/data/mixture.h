// What a run trains on, as a user writes it: files and generated tasks with their shares.
#pragma once
#include <string>
#include <vector>

namespace r1 {

struct MixturePart {
    std::string path;  // of a data file; empty for a task
    std::string task;  // tasks/task.h, parse_task_mix
    int weight = 1;    // its share: turns of the sum of all weights
    std::string name;  // the file's name without endings, with its folder's where two are the same; the task
};
// Each entry is FILE[=WEIGHT] or task:FAMILY[:LEVEL[:LANGUAGE]][=WEIGHT]. Throws Error on a weight that is no
// whole number from 1 to 1000. A file whose name ends in =N is taken as it is where it exists.
std::vector<MixturePart> parse_mixture(const std::vector<std::string>& entries);

// For people: "train.jsonl", "gsm8k ×2 + math".
std::string mixture_text(const std::vector<std::string>& entries);

}  // namespace r1
