// Reading programs: what does a function return (code_output), or which arguments make it return a value
// (code_input; any that do count). Programs are generated, small, and run by tasks/mini_python.
//
//   level 1   three or four assignments of integers      level 2   a loop over a range, with a condition
//   level 3   a loop over a list or string               level 4   while, nested loops, comprehensions
#pragma once
#include <string>
#include <vector>

#include "tasks/mini_python.h"
#include "tasks/task.h"

namespace r1::programs {

struct Puzzle {
    std::string source;                         // "def f(x):\n    …"
    std::vector<mini_python::Value> arguments;  // of the call that is asked for
    mini_python::Value output;                  // what it returns
};

Puzzle draw(Rng& rng, int level);             // whose output depends on the arguments
std::string canonical(const Puzzle& puzzle);  // the source: held out with all its calls

Family output_family();
Family input_family();

}  // namespace r1::programs
