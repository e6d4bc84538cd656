#include "report/run_info.h"

#include <nlohmann/json.hpp>

namespace r1 {
namespace {

nlohmann::json json_of(const Answer& answer) {
    return {{"text", answer.text}, {"correct", answer.correct}, {"tokens", answer.tokens}};
}

}  // namespace

nlohmann::json summary_json(const RunInfo& info, const Summary& summary) {
    nlohmann::json out = {
        {"command", info.command},
        {"model", {{"name", info.model}, {"parameters", info.parameters}}},
        {"task", info.task},
        {"machine", {{"device", info.device}, {"threads", info.threads}, {"instruction set", info.isa}}},
        {"steps", info.steps},
        {"before", {{"accuracy", summary.accuracy_before}, {"length", summary.length_before}}},
        {"after", {{"accuracy", summary.accuracy_after}, {"length", summary.length_after}}},
        {"problems", summary.problems},
        {"disclosure", summary.disclosure},
        {"seconds", summary.seconds},
        {"headline", summary.headline},
    };
    if (!summary.problem.empty()) {
        out["example"] = {{"problem", summary.problem},
                          {"gold", summary.gold},
                          {"before", json_of(summary.before)},
                          {"after", json_of(summary.after)}};
    }
    return out;
}

}  // namespace r1
