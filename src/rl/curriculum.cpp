#include "rl/curriculum.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/check.h"

namespace r1 {

Curriculum::Curriculum(CurriculumConfig config, const std::vector<size_t>& sizes)
    : config_(std::move(config)) {
    for (const size_t size : sizes)
        parts_.push_back({0, std::vector<uint32_t>(size, 0), std::vector<double>(size, 0.0)});
}

double Curriculum::chance(size_t part, size_t problem) const {
    const Part& at = parts_[part];
    if (at.visits[problem] < static_cast<uint32_t>(config_.visits)) return 1.0;
    const double share = at.share[problem], target = static_cast<double>(config_.target);
    const double least = static_cast<double>(config_.floor);
    if (config_.kind == "skip") return share == 0.0 || share == 1.0 ? least : 1.0;
    return std::max(least, 1.0 - std::abs(share - target) / std::max(target, 1.0 - target));
}

void Curriculum::observe(size_t part, size_t problem, double share) {
    Part& at = parts_[part];
    at.share[problem] = at.visits[problem] == 0 ? share : (at.share[problem] + share) / 2;
    if (at.visits[problem] < UINT32_MAX) ++at.visits[problem];
}

nlohmann::json Curriculum::state() const {
    nlohmann::json parts = nlohmann::json::array();
    for (const Part& part : parts_)
        parts.push_back({{"cursor", part.cursor}, {"visits", part.visits}, {"share", part.share}});
    return parts;
}

void Curriculum::restore(const nlohmann::json& state) {
    check(state.is_array() && state.size() == parts_.size(),
          "the checkpoint's curriculum is of other data; resume with the files the run began with");
    for (size_t i = 0; i < parts_.size(); ++i) {
        Part part;
        state[i].at("cursor").get_to(part.cursor);
        state[i].at("visits").get_to(part.visits);
        state[i].at("share").get_to(part.share);
        const size_t size = parts_[i].visits.size();
        check(part.visits.size() == size && part.share.size() == size, "the checkpoint's curriculum has ",
              part.visits.size(), " problems, the data ", size, "; resume with the files the run began with");
        parts_[i] = std::move(part);
    }
}

Curriculum::Summary Curriculum::summary() const {
    Summary sum;
    for (const Part& part : parts_) {
        for (size_t i = 0; i < part.visits.size(); ++i) {
            if (part.visits[i] == 0) continue;
            ++sum.visited;
            sum.solved += part.share[i] == 1.0;
            sum.unsolved += part.share[i] == 0.0;
        }
    }
    return sum;
}

}  // namespace r1
