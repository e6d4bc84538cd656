#include "text/bpe.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <queue>

#include "core/check.h"
#include "text/json_fields.h"
#include "text/unicode.h"

namespace r1 {
namespace {

uint64_t pair_key(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

std::string optional_string(const nlohmann::json& object, const char* key) {
    return find_field(object, key) ? string_field(object, key) : std::string();
}

}  // namespace

size_t Bpe::HashPair::operator()(uint64_t pair) const {
    pair *= 0x9E3779B97F4A7C15u;
    return pair ^ pair >> 32;
}

Bpe::Bpe(const nlohmann::json& model) {
    check(model.is_object(), "the tokenizer has no 'model' object");
    if (find_field(model, "type")) {
        std::string type = string_field(model, "type");
        check(type == "BPE", "the tokenizer's model is of type '", type, "'; only BPE is supported");
    }
    if (const nlohmann::json* dropout = find_field(model, "dropout"))
        check(dropout->is_number() && dropout->get<double>() == 0.0,
              "the tokenizer's model has dropout, with which ids are random; remove it from tokenizer.json");
    continuing_prefix_ = optional_string(model, "continuing_subword_prefix");
    end_suffix_ = optional_string(model, "end_of_word_suffix");
    fuse_unk_ = bool_field(model, "fuse_unk", false);
    byte_fallback_ = bool_field(model, "byte_fallback", false);
    ignore_merges_ = bool_field(model, "ignore_merges", false);
    const nlohmann::json* vocab = find_field(model, "vocab");
    check(vocab && vocab->is_object(), "the tokenizer's model has no 'vocab' object");
    read_vocab(*vocab);
    read_merges(array_field(model, "merges"));
    if (std::string unk = optional_string(model, "unk_token"); !unk.empty()) {
        unk_ = id_of(unk);
        check(unk_.has_value(), "the tokenizer's unk_token '", unk, "' is not in its vocabulary");
    }
}

void Bpe::read_vocab(const nlohmann::json& vocab) {
    int64_t highest = -1;
    for (const auto& [token, id] : vocab.items())
        highest = std::max(highest, integer_value(id, "token id", 0, max_token_id));
    tokens_.resize(static_cast<size_t>(highest + 1));
    ids_.reserve(vocab.size());
    std::vector<bool> used(tokens_.size());
    for (const auto& [token, value] : vocab.items()) {
        auto id = value.get<size_t>();
        check(!used[id], "the tokenizer gives the id ", id, " to '", tokens_[id], "' and to '", token, "'");
        used[id] = true;
        tokens_[id] = token;
        ids_.emplace(tokens_[id], static_cast<int32_t>(id));
    }
}

void Bpe::read_merges(const nlohmann::json& merges) {
    merges_.reserve(merges.size());
    int32_t rank = 0;
    for (const nlohmann::json& merge : merges) {
        std::string left, right;
        if (merge.is_string()) {
            const auto& text = merge.get_ref<const std::string&>();
            if (text.starts_with("#version")) continue;  // the first line of a merges.txt
            size_t space = text.find(' ');
            check(space != std::string::npos && text.find(' ', space + 1) == std::string::npos,
                  "the tokenizer's merge '", text, "' is not two tokens with a space between");
            left = text.substr(0, space), right = text.substr(space + 1);
        } else {
            check(merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string(),
                  "the tokenizer's merge number ", rank, " is neither a string nor a pair of strings");
            left = merge[0].get<std::string>(), right = merge[1].get<std::string>();
        }
        check(right.size() >= continuing_prefix_.size(), "the tokenizer's merge with '", right,
              "' lacks the prefix '", continuing_prefix_, "'");
        std::string merged = left + right.substr(continuing_prefix_.size());
        for (const std::string& token : {left, right, merged})
            check(id_of(token).has_value(), "the tokenizer's merge '", left, "' + '", right,
                  "' needs the token '", token, "', which is not in its vocabulary");
        merges_[pair_key(*id_of(left), *id_of(right))] = {rank++, *id_of(merged)};
    }
}

std::optional<int32_t> Bpe::id_of(std::string_view token) const {
    auto it = ids_.find(token);
    return it == ids_.end() ? std::nullopt : std::optional(it->second);
}

std::string_view Bpe::token(int32_t id) const {
    return id >= 0 && id < end_id() ? std::string_view(tokens_[static_cast<size_t>(id)]) : std::string_view();
}

const Bpe::Merge* Bpe::find_merge(int32_t left, int32_t right) const {
    auto it = merges_.find(pair_key(left, right));
    return it == merges_.end() ? nullptr : &it->second;
}

void Bpe::encode(std::string_view word, std::vector<int32_t>& ids) const {
    if (word.empty()) return;
    if (ignore_merges_) {
        if (auto id = id_of(word)) return ids.push_back(*id);
    }
    std::vector<Symbol> symbols;
    initial_symbols(word, symbols);
    merge_all(symbols);
    for (const Symbol& symbol : symbols)
        if (symbol.alive) ids.push_back(symbol.id);
}

// One symbol for each character; a character outside of the vocabulary becomes its bytes (byte_fallback), the
// unknown token, or nothing.
void Bpe::initial_symbols(std::string_view word, std::vector<Symbol>& symbols) const {
    symbols.reserve(word.size());
    auto add = [&](int32_t id) {
        symbols.push_back({id, static_cast<int32_t>(symbols.size()) - 1, -1, true});
    };
    auto byte_tokens = [&](std::string_view bytes) {
        std::vector<int32_t> ids;
        for (char byte : bytes) {
            char name[8];
            std::snprintf(name, sizeof name, "<0x%02X>", static_cast<unsigned char>(byte));
            if (auto id = id_of(name)) ids.push_back(*id);
        }
        return ids;
    };
    bool pending_unk = false;
    std::string decorated;
    for (size_t position = 0; position < word.size();) {
        size_t begin = position;
        next_code_point(word, position);
        std::string_view token = word.substr(begin, position - begin);
        if ((begin > 0 && !continuing_prefix_.empty()) || (position == word.size() && !end_suffix_.empty())) {
            decorated = begin > 0 ? continuing_prefix_ : "";
            decorated += token;
            if (position == word.size()) decorated += end_suffix_;
            token = decorated;
        }
        if (auto id = id_of(token)) {
            if (pending_unk) add(*unk_);
            pending_unk = false;
            add(*id);
            continue;
        }
        if (byte_fallback_) {
            std::vector<int32_t> bytes = byte_tokens(token);
            if (bytes.size() == token.size()) {
                for (int32_t id : bytes) add(id);
                continue;
            }
        }
        if (unk_) {
            if (pending_unk && !fuse_unk_) add(*unk_);
            pending_unk = true;
        }
    }
    if (pending_unk) add(*unk_);
    for (size_t i = 0; i + 1 < symbols.size(); ++i) symbols[i].next = static_cast<int32_t>(i) + 1;
}

void Bpe::merge_all(std::vector<Symbol>& symbols) const {
    struct Candidate {
        int32_t rank, position, id;
        bool operator>(const Candidate& other) const {
            return rank != other.rank ? rank > other.rank : position > other.position;
        }
    };
    std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
    auto at = [&](int32_t index) -> Symbol& { return symbols[static_cast<size_t>(index)]; };
    auto offer = [&](int32_t left) {
        if (left < 0 || at(left).next < 0) return;
        if (const Merge* merge = find_merge(at(left).id, at(at(left).next).id))
            queue.push({merge->rank, left, merge->id});
    };
    for (int32_t i = 0; i + 1 < static_cast<int32_t>(symbols.size()); ++i) offer(i);
    while (!queue.empty()) {
        Candidate best = queue.top();
        queue.pop();
        Symbol& left = at(best.position);
        if (!left.alive || left.next < 0) continue;
        Symbol& right = at(left.next);
        const Merge* merge = find_merge(left.id, right.id);
        if (!merge || merge->id != best.id) continue;  // the pair has changed since it was offered
        left.id = best.id;
        left.next = right.next;
        right.alive = false;
        if (left.next >= 0) at(left.next).previous = best.position;
        offer(left.previous);
        offer(best.position);
    }
}

}  // namespace r1
