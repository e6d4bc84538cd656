#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/check.h"
#include "ops/math.h"

namespace r1 {
namespace {

// From 1 at progress 0 to 0 at progress 1.
double half_cosine(double progress) {
    double sine = 0.0, cosine = 0.0;
    ops::exact_sincos(std::numbers::pi * progress, sine, cosine);
    return 0.5 * (1.0 + cosine);
}

}  // namespace

const std::vector<std::string>& lr_scheduler_types() {
    static const std::vector<std::string> names{"constant", "constant_with_warmup", "linear", "cosine",
                                                "cosine_with_min_lr"};
    return names;
}

void Schedule::validate() const {
    const auto& names = lr_scheduler_types();
    check(std::find(names.begin(), names.end(), lr_scheduler_type) != names.end(), "lr_scheduler_type '",
          lr_scheduler_type,
          "' is unknown; it is one of constant, constant_with_warmup, linear, cosine, cosine_with_min_lr");
    check(std::isfinite(learning_rate) && learning_rate >= 0.0f, "learning_rate ", learning_rate,
          " is not a number of at least 0");
    check(std::isfinite(min_lr) && min_lr >= 0.0f && (min_lr <= learning_rate || min_lr == 0.0f), "min_lr ",
          min_lr, " is not between 0 and learning_rate ", learning_rate);
    check(min_lr == 0.0f || lr_scheduler_type == "cosine_with_min_lr", "lr_scheduler_type '",
          lr_scheduler_type, "' has no min_lr; use cosine_with_min_lr");
    check(warmup_steps >= 0, "warmup_steps ", warmup_steps, " is negative");
    check(warmup_steps == 0 || lr_scheduler_type != "constant",
          "lr_scheduler_type 'constant' has no warm-up; use constant_with_warmup");
}

float Schedule::rate(int64_t s) const {
    validate();
    const auto lr = static_cast<double>(learning_rate), lowest = static_cast<double>(min_lr);
    if (s < warmup_steps) {
        return static_cast<float>(lr * static_cast<double>(s + 1) / static_cast<double>(warmup_steps + 1));
    }
    const auto after = static_cast<double>(s - warmup_steps);
    const double p =
        std::min(1.0, after / static_cast<double>(std::max<int64_t>(1, total_steps - warmup_steps)));
    if (lr_scheduler_type == "linear") return static_cast<float>(lr * (1.0 - p));
    if (lr_scheduler_type == "cosine") return static_cast<float>(lr * half_cosine(p));
    if (lr_scheduler_type == "cosine_with_min_lr") {
        return static_cast<float>(lowest + (lr - lowest) * half_cosine(p));
    }
    return learning_rate;
}

}  // namespace r1
