#include "rl/policy_loss.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "ops/math.h"

namespace r1 {
namespace {

// The larger, or NaN where either is: a difference that is no number must not pass for 0.
double larger(double a, double b) {
    return std::isnan(a) || a > b ? a : b;
}

double exact_exp(double x) {
    return ops::exact_exp(x);
}

// The value and derivative of one token's (or sequence's) surrogate with respect to the log ratio w.
struct Surrogate {
    double loss, slope;  // cispo's slope is that of the log-probability
    bool low, high;
};

Surrogate surrogate(const PolicyLossOptions& o, double w, double logprob, double advantage) {
    const double ratio = exact_exp(w);
    const double low = 1.0 - static_cast<double>(o.epsilon), high = 1.0 + static_cast<double>(o.epsilon_high);
    if (o.loss_type == LossType::cispo) {
        const double weight = std::min(ratio, static_cast<double>(o.epsilon_high));
        return {-weight * advantage * logprob, -weight * advantage, false,
                ratio > static_cast<double>(o.epsilon_high) && advantage > 0.0};
    }
    const bool above_delta = o.delta && ratio > static_cast<double>(*o.delta);
    const double capped = above_delta ? static_cast<double>(*o.delta) : ratio;
    const double clipped = std::clamp(ratio, low, high);
    const bool inside = ratio >= low && ratio <= high;
    const double free_loss = -capped * advantage, clipped_loss = -clipped * advantage;
    const double free_slope = above_delta ? 0.0 : -ratio * advantage;
    // −min(a, b) = max(−a, −b); where both are equal the ratio is inside the clip and so are the slopes
    Surrogate s{free_loss, free_slope, capped < low && advantage<0.0, capped> high && advantage > 0.0};
    if (clipped_loss > free_loss) s.loss = clipped_loss, s.slope = inside ? -ratio * advantage : 0.0;
    if (std::isnan(ratio)) s.loss = s.slope = ratio;
    return s;
}

struct Kl {
    double value, slope;  // with respect to the log-probability
};

Kl kl_divergence(const PolicyLossOptions& o, double logprob, double ref) {
    const double d = ref - logprob;
    switch (o.kl_estimator) {
        case KlEstimator::k1:
            return {-d, 1.0};
        case KlEstimator::k2:
            return {0.5 * d * d, -d};
        case KlEstimator::k3:
            break;
    }
    const double e = exact_exp(d);
    return {e - d - 1.0, 1.0 - e};
}

double token_weight(const PolicyLossOptions& o, const LossScale& scale, int64_t length) {
    const auto at_least_one = [](double x) { return std::max(x, 1.0); };
    const auto sequences = static_cast<double>(scale.sequences);
    switch (o.loss_type) {
        case LossType::grpo:
            return 1.0 / (at_least_one(sequences) * at_least_one(static_cast<double>(length)));
        case LossType::bnpo:
            return 1.0 / at_least_one(static_cast<double>(scale.tokens));
        case LossType::dr_grpo:
            return 1.0 / (at_least_one(sequences) * o.max_completion_length);
        case LossType::dapo:
        case LossType::cispo:
            return scale.minibatches / at_least_one(static_cast<double>(scale.rollout_tokens));
    }
    fail("unknown loss type");
}

// One sample's tokens [begin, end).
PolicyStats sample_loss(const PolicyLossOptions& o, const LossScale& scale, const PolicyTokens& t,
                        size_t begin, size_t end, double advantage, std::span<float> dlogprobs) {
    PolicyStats stats;
    const auto length = static_cast<int64_t>(end - begin);
    const double weight = token_weight(o, scale, length);
    const auto logprob = [&](size_t i) { return static_cast<double>(t.logprobs[i]); };
    double mean_w = 0.0;
    for (size_t i = begin; i < end; ++i) mean_w += logprob(i) - static_cast<double>(t.old_logprobs[i]);
    mean_w /= static_cast<double>(length);

    // At the sequence level every token has the sequence's ratio, and each token's log-probability a share in
    // it.
    double sequence_slope = 0.0;
    double low = 0.0, high = 0.0;
    for (size_t i = begin; i < end; ++i) {
        const double difference = logprob(i) - static_cast<double>(t.old_logprobs[i]);
        const double w = o.sequence_level ? mean_w : difference;
        const double ratio = exact_exp(w);
        const Surrogate s = surrogate(o, w, logprob(i), advantage);
        double loss = s.loss, slope_w = s.slope, slope_logprob = 0.0;
        if (o.loss_type == LossType::cispo) std::swap(slope_w, slope_logprob);
        if (o.beta != 0.0f) {
            const Kl kl = kl_divergence(o, logprob(i), static_cast<double>(t.ref_logprobs[i]));
            const double factor = o.use_bias_correction_kl ? ratio : 1.0;
            const double beta = static_cast<double>(o.beta);
            loss += beta * kl.value * factor;
            slope_logprob += beta * kl.slope * factor;
            if (o.use_bias_correction_kl) slope_w += beta * kl.value * ratio;
            stats.kl += kl.value * factor;
        }
        stats.loss += weight * loss;
        if (o.sequence_level) {
            sequence_slope += weight * slope_w / static_cast<double>(length);
            dlogprobs[i] = static_cast<float>(weight * slope_logprob);
        } else {
            dlogprobs[i] = static_cast<float>(weight * (slope_w + slope_logprob));
        }
        low += s.low, high += s.high;
        stats.ratio_max = i == begin ? ratio : std::max(stats.ratio_max, ratio);
        stats.ratio_min = i == begin ? ratio : std::min(stats.ratio_min, ratio);
        stats.logp_difference_max = larger(stats.logp_difference_max, std::abs(difference));
        stats.logp_difference_sum += std::abs(difference);
        if (!t.entropy.empty()) stats.entropy += static_cast<double>(t.entropy[i]);
    }
    if (o.sequence_level) {
        for (size_t i = begin; i < end; ++i) {
            dlogprobs[i] = static_cast<float>(static_cast<double>(dlogprobs[i]) + sequence_slope);
        }
    }
    stats.tokens = static_cast<double>(length);
    stats.clip_low_min = low / static_cast<double>(length);
    stats.clip_high_max = high / static_cast<double>(length);
    stats.clip_low = o.sequence_level ? stats.clip_low_min : low;
    stats.clip_high = o.sequence_level ? stats.clip_high_max : high;
    return stats;
}

}  // namespace

LossType parse_loss_type(const std::string& name) {
    if (name == "grpo" || name == "gspo") return LossType::grpo;
    if (name == "bnpo") return LossType::bnpo;
    if (name == "dr_grpo") return LossType::dr_grpo;
    if (name == "dapo") return LossType::dapo;
    if (name == "cispo") return LossType::cispo;
    fail("unknown loss_type '", name, "'; it is one of grpo, bnpo, dr_grpo, dapo, gspo, cispo");
}

KlEstimator parse_kl_estimator(const std::string& name) {
    if (name == "k1") return KlEstimator::k1;
    if (name == "k2") return KlEstimator::k2;
    if (name == "k3") return KlEstimator::k3;
    fail("unknown kl_estimator '", name, "'; it is one of k1, k2, k3");
}

void PolicyStats::add(const PolicyStats& other) {
    if (other.tokens > 0.0) {
        const bool first = tokens == 0.0;
        ratio_max = first ? other.ratio_max : std::max(ratio_max, other.ratio_max);
        ratio_min = first ? other.ratio_min : std::min(ratio_min, other.ratio_min);
        clip_low_min = first ? other.clip_low_min : std::min(clip_low_min, other.clip_low_min);
        clip_high_max = std::max(clip_high_max, other.clip_high_max);
    }
    loss += other.loss, tokens += other.tokens;
    kl += other.kl, entropy += other.entropy;
    clip_low += other.clip_low, clip_high += other.clip_high;
    logp_difference_max = larger(logp_difference_max, other.logp_difference_max);
    logp_difference_sum += other.logp_difference_sum;
}

PolicyStats policy_loss(const PolicyLossOptions& options, const LossScale& scale, const PolicyTokens& tokens,
                        std::span<float> dlogprobs) {
    const size_t rows = tokens.logprobs.size();
    check(tokens.old_logprobs.size() == rows && tokens.samples.size() == rows && dlogprobs.size() == rows &&
              (options.beta == 0.0f || tokens.ref_logprobs.size() == rows) &&
              (tokens.entropy.empty() || tokens.entropy.size() == rows),
          "policy_loss: ", rows, " log-probabilities, ", tokens.old_logprobs.size(), " old ones, ",
          tokens.ref_logprobs.size(), " of the reference and ", tokens.samples.size(), " samples do not fit");
    PolicyStats stats;
    for (size_t begin = 0, end = 0; begin < rows; begin = end) {
        const auto sample = static_cast<size_t>(tokens.samples[begin]);
        while (end < rows && tokens.samples[end] == tokens.samples[begin]) ++end;
        check(sample < tokens.advantages.size() && sample < tokens.masked.size(), "policy_loss: sample ",
              sample, " has no advantage");
        if (tokens.masked[sample]) {
            std::fill(dlogprobs.begin() + static_cast<int64_t>(begin),
                      dlogprobs.begin() + static_cast<int64_t>(end), 0.0f);
            continue;
        }
        stats.add(sample_loss(options, scale, tokens, begin, end,
                              static_cast<double>(tokens.advantages[sample]), dlogprobs));
    }
    return stats;
}

}  // namespace r1
