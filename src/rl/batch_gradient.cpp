#include "rl/batch_gradient.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "rl/policy_update.h"
#include "train/backprop.h"

namespace r1 {
namespace {

using nlohmann::json;

const json* find(const json& row, const char* key) {
    const auto found = row.find(key);
    return found == row.end() || found->is_null() ? nullptr : &*found;
}

float number(const json& value, const char* key) {
    check(value.is_number() || value.is_null() || value.is_boolean(), "\"", key, "\" must hold numbers, not ",
          value.type_name());
    if (value.is_boolean()) return value.get<bool>() ? 1.0f : 0.0f;
    return value.is_null() ? NAN : value.get<float>();
}

std::vector<int32_t> parse_ids(const json& row, int32_t vocab_size) {
    const json* list = find(row, "ids");
    check(list && list->is_array() && list->size() > 1, "\"ids\" must be a list of at least two token ids");
    std::vector<int32_t> ids;
    for (const auto& id : *list) {
        check(id.is_number_integer() && id >= 0 && id < vocab_size, "\"ids\" has ",
              id.dump(-1, ' ', false, json::error_handler_t::replace), ", which is no token id below ",
              vocab_size);
        ids.push_back(id.get<int32_t>());
    }
    return ids;
}

std::vector<uint8_t> parse_mask(const json& row, size_t size) {
    std::vector<uint8_t> mask(size, 1);
    mask[0] = 0;
    const json* list = find(row, "completion_mask");
    if (!list) return mask;
    check(list->is_array() && list->size() <= size, "\"completion_mask\" must be a list of at most ", size,
          " numbers, as many as there are ids");
    std::fill(mask.begin(), mask.end(), uint8_t{0});
    const size_t first = size - list->size();
    for (size_t i = 0; i < list->size(); ++i) {
        const float value = number((*list)[i], "completion_mask");
        check(value == 0.0f || value == 1.0f, "\"completion_mask\" must hold 0 and 1");
        mask[first + i] = value == 1.0f;
    }
    check(!mask[0], "\"completion_mask\" is 1 for the first id, which nothing predicts");
    return mask;
}

// One value for each id, NaN where the list has none.
std::vector<float> parse_values(const json& list, const char* key, const std::vector<uint8_t>& mask) {
    check(list.is_array(), "\"", key, "\" must be a list of numbers, not ", list.type_name());
    const size_t size = mask.size(), given = list.size();
    check(given <= size, "\"", key, "\" has ", given, " entries for ", size, " ids");
    const size_t first = size - given;
    const auto active = static_cast<size_t>(std::count(mask.begin(), mask.end(), 1));
    const bool at_end = std::find(mask.begin(), mask.begin() + static_cast<int64_t>(first), 1) ==
                        mask.begin() + static_cast<int64_t>(first);
    check(at_end || given == active, "\"", key, "\" has ", given, " entries, which do not cover the ", active,
          " tokens that take part; give one for each id");
    std::vector<float> values(size, NAN);
    for (size_t i = 0, next = 0; i < size; ++i) {
        if (at_end ? i >= first : mask[i] != 0) values[i] = number(list[at_end ? i - first : next++], key);
        check(!mask[i] || std::isfinite(values[i]), "\"", key, "\" has no number for id ", i,
              ", which takes part");
    }
    return values;
}

float parse_advantage(const json& row, const std::vector<uint8_t>& mask) {
    const json* value = find(row, "advantages");
    check(value != nullptr, "the row needs \"advantages\"");
    if (value->is_array() && value->size() == 1) value = &value->front();
    if (!value->is_array()) {
        const float advantage = number(*value, "advantages");
        check(std::isfinite(advantage), "\"advantages\" must be a number");
        return advantage;
    }
    const auto values = parse_values(*value, "advantages", mask);
    const auto first = std::find(mask.begin(), mask.end(), 1);
    if (first == mask.end()) return 0.0f;
    const float advantage = values[static_cast<size_t>(first - mask.begin())];
    for (size_t i = 0; i < values.size(); ++i) {
        check(!mask[i] || values[i] == advantage,
              "\"advantages\" differ within a row; a completion has one advantage");
    }
    return advantage;
}

// Some rows of a batch, without the tokens that take no part.
struct Piece {
    PackedSamples packed;
    std::vector<float> old_logprobs, ref_logprobs, advantages;
    std::vector<uint8_t> masked;
};

void add_row(Piece& piece, const LossRow& row, bool with_ref) {
    const auto first = std::find(row.mask.begin(), row.mask.end(), 1) - row.mask.begin();
    const auto end = std::find(row.mask.rbegin(), row.mask.rend(), 1).base() - row.mask.begin();
    const auto ids = std::span(row.ids);
    const auto completion = ids.subspan(static_cast<size_t>(first), static_cast<size_t>(end - first));
    PackedSamples& packed = piece.packed;
    const size_t begin = packed.rows.size();
    packed.add_group(ids.first(static_cast<size_t>(first)), std::span(&completion, 1));
    size_t kept = begin;
    for (size_t i = 0; i < completion.size(); ++i) {
        const auto at = static_cast<size_t>(first) + i;
        if (!row.mask[at]) continue;
        packed.rows[kept] = packed.rows[begin + i];
        packed.targets[kept] = packed.targets[begin + i];
        packed.samples[kept++] = packed.samples[begin + i];
        piece.old_logprobs.push_back(row.old_logprobs.empty() ? NAN : row.old_logprobs[at]);
        if (with_ref) piece.ref_logprobs.push_back(row.ref_logprobs[at]);
    }
    packed.rows.resize(kept), packed.targets.resize(kept), packed.samples.resize(kept);
    piece.advantages.push_back(row.advantage);
    piece.masked.push_back(0);
}

}  // namespace

LossRow parse_loss_row(const json& row, int32_t vocab_size) {
    check(row.is_object(), "a row must be a JSON object, not ", row.type_name());
    LossRow result;
    result.ids = parse_ids(row, vocab_size);
    result.mask = parse_mask(row, result.ids.size());
    result.advantage = parse_advantage(row, result.mask);
    if (const json* list = find(row, "old_logprobs"))
        result.old_logprobs = parse_values(*list, "old_logprobs", result.mask);
    if (const json* list = find(row, "ref_logprobs"))
        result.ref_logprobs = parse_values(*list, "ref_logprobs", result.mask);
    return result;
}

PolicyStats batch_gradient(Stream& stream, Model& model, TensorView grads, const std::vector<LossRow>& rows,
                           const RlConfig& config) {
    const PolicyLossOptions options = policy_loss_options(config);
    const bool with_ref = options.beta != 0.0f;
    LossScale scale{std::ssize(rows), 0, 0, 1};
    for (size_t i = 0; i < rows.size(); ++i) {
        scale.tokens += std::count(rows[i].mask.begin(), rows[i].mask.end(), 1);
        check(!with_ref || !rows[i].ref_logprobs.empty(), "row ", i + 1,
              " has no \"ref_logprobs\", which a beta other than 0 needs");
        check(std::ssize(rows[i].ids) <= model.config().max_position_embeddings, "row ", i + 1, " has ",
              rows[i].ids.size(), " ids; the model's context is ", model.config().max_position_embeddings);
    }
    scale.rollout_tokens = scale.tokens;

    PolicyStats stats;
    Arena arena(stream.device);
    Piece piece;
    const auto finish = [&] {
        backprop(
            stream, model, grads, piece.packed,
            {config.temperature, {config.top_k, config.top_p, config.min_p}, config.gradient_checkpointing},
            [&](const Scores& scores, std::span<float> dlogprobs) {
                for (size_t i = 0; i < scores.logprobs.size(); ++i) {
                    if (std::isnan(piece.old_logprobs[i])) piece.old_logprobs[i] = scores.logprobs[i];
                }
                stats.add(policy_loss(options, scale,
                                      {scores.logprobs, piece.old_logprobs, piece.ref_logprobs,
                                       scores.entropy, piece.packed.samples, piece.advantages, piece.masked},
                                      dlogprobs));
            },
            arena);
        piece = {};
    };
    for (const LossRow& row : rows) {
        if (std::find(row.mask.begin(), row.mask.end(), 1) == row.mask.end()) continue;  // counted above
        const bool full = piece.packed.tokens() + std::ssize(row.ids) > config.micro_batch_tokens;
        if (full && piece.packed.tokens() > 0) finish();
        add_row(piece, row, with_ref);
    }
    finish();
    return stats;
}

}  // namespace r1
