// Counts that show how a completion reasons. They are measured, never rewarded.
#pragma once
#include <string_view>

namespace r1 {

struct ReasoningCounts {
    int reflective_words =
        0;  // wait mistake however but retry error verify wrong evaluate check, and the Chinese ones
    int checks =
        0;  // explicit verdicts on an attempt: no, wrong, too big, too small, yes; 不对, 错, 太大, 太小, 对
    int backtracks = 0;  // verdicts of "no" that another attempt follows
    int tries = 0;       // attempts: one more than backtracks; 0 where nothing is thought
};

// The thinking: what stands between the first <think> and the last </think>, else all before <answer>.
std::string_view thinking_of(std::string_view completion);

// Of the thinking. Words are whole words, without regard to case. Checks, backtracks and tries mean something
// in the wording of the embedded base and its tasks.
ReasoningCounts count_reasoning(std::string_view completion);

}  // namespace r1
