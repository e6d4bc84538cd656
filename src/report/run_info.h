// What a run says of itself at its start and at its end: shown in the terminal, kept as summary.json, read by
// the report.
#pragma once
#include <cstdint>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/files.h"

namespace r1 {

struct RunInfo {
    std::string command;     // "r1 zero"
    std::string model;       // "embedded base"
    int64_t parameters = 0;  // 0: not known
    std::string task;        // "countdown, carry, logic; English and Chinese"
    std::string device;      // "cpu"
    int threads = 0;         // 0: not shown
    std::string isa;         // "avx512"
    int64_t steps = 0;       // how many the whole run has; 0: not known
    fs::path folder;
};

struct Answer {
    std::string text;  // as the model wrote it, thinking and all
    bool correct = false;
    int64_t tokens = 0;
};

struct Summary {
    static constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
    double accuracy_before = unknown, accuracy_after = unknown;  // in [0, 1], on held-out problems
    double length_before = unknown, length_after = unknown;      // mean tokens of a response there
    int64_t problems = 0;                                        // how many held-out problems
    std::string problem, gold;                                   // one of them; empty: none shown
    Answer before, after;
    std::string
        disclosure;  // what the base model had seen before, such as its corpus' share of searching documents
    double seconds = unknown;
    std::string headline;  // empty, or what a person should know first: "Stopped after step 12 of 60."
    std::string next;      // empty, or a command to go on with: "r1 chat --model runs/zero/model"
    fs::path report, model;
};

// The content of the run folder's summary.json; write_report() reads it.
nlohmann::json summary_json(const RunInfo& info, const Summary& summary);

}  // namespace r1
