// Curriculum by measured difficulty: what share of a group of completions solved a problem decides how soon
// it is asked again.
//
//   share   the mean of the groups' shares, each earlier one with half the weight of the next: s ← (s +
//   group) / 2 skip      a problem that was asked `visits` times and always solved, or never, has chance
//   `floor` adaptive  after `visits` times the chance is 1 − |share − target| / max(target, 1 − target), at
//   least `floor`
//
// A problem with chance c is passed over with probability 1 − c when its turn comes. All that is remembered
// is in state(), so a run that resumes goes on with the same problems.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace r1 {

struct CurriculumConfig {
    std::string kind = "none";  // none, skip, adaptive
    int visits = 2;
    float target = 0.5f, floor = 0.1f;
};

class Curriculum {
  public:
    // `sizes`: the problems of each part of the data; a part of generated problems has 0 and is left alone.
    Curriculum(CurriculumConfig config, const std::vector<size_t>& sizes);

    bool active() const { return config_.kind != "none"; }
    double chance(size_t part, size_t problem) const;
    void observe(size_t part, size_t problem, double share);  // of a group, from 0 to 1
    uint64_t& cursor(size_t part) {
        return parts_[part].cursor;
    }  // turns taken from the part, with those passed over

    nlohmann::json state() const;
    void restore(const nlohmann::json& state);  // throws if it is of other data

    struct Summary {
        size_t visited = 0, solved = 0, unsolved = 0;  // problems asked; always solved; never
    };
    Summary summary() const;

  private:
    struct Part {
        uint64_t cursor = 0;
        std::vector<uint32_t> visits;
        std::vector<double> share;
    };
    CurriculumConfig config_;
    std::vector<Part> parts_;
};

}  // namespace r1
