#include "text/bpe_trainer.h"

#include <algorithm>
#include <map>
#include <queue>
#include <set>
#include <unordered_map>
#include <utility>

#include "core/check.h"
#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/byte_level.h"
#include "text/pretokenizer.h"
#include "text/tokenizer_json.h"
#include "text/unicode.h"

namespace r1 {
namespace {

using nlohmann::json;
using Pair = std::pair<int32_t, int32_t>;

struct Word {
    std::vector<int32_t> symbols;
    int64_t count = 0;
};

struct PairStats {
    int64_t count = 0;
    std::vector<uint32_t> words;  // where it was seen; it may be gone from some
};

struct HashPair {
    size_t operator()(const Pair& pair) const {
        uint64_t key = static_cast<uint64_t>(pair.first) << 32 | static_cast<uint32_t>(pair.second);
        key *= 0x9E3779B97F4A7C15u;
        return key ^ key >> 32;
    }
};

struct Candidate {
    int64_t count;
    Pair pair;
    bool operator<(const Candidate& other) const {
        return count != other.count ? count < other.count : pair > other.pair;
    }
};

class Trainer {
  public:
    explicit Trainer(const BpeTraining& options) : options_(options) {
        for (const std::string& token : options.special_tokens) add_reserved(token, true);
        for (const std::string& token : options.added_tokens) add_reserved(token, false);
        std::set<std::string> symbols;
        for (int byte = 0; byte < 256; ++byte)
            symbols.insert(bytes_to_symbols(std::string(1, static_cast<char>(byte))));
        for (const std::string& symbol : symbols) {
            check(!ids_.contains(symbol), "'", symbol,
                  "' cannot be a special or added token: it stands for a byte");
            add_token(symbol);
        }
        check(
            options.vocab_size >= static_cast<int32_t>(tokens_.size()) && options.vocab_size <= max_token_id,
            "a vocabulary of ", options.vocab_size,
            " tokens cannot be trained: special tokens and bytes alone are ", tokens_.size());
    }

    void count_words(std::span<const std::string> texts) {
        PreTokenizer pre_tokenizer(options_.pre_tokenizer);
        std::map<std::string, int64_t, std::less<>> counts;
        for (const std::string& text : texts) {
            std::string valid = is_valid_utf8(text) ? text : to_valid_utf8(text);
            for (const TextPart& part : reserved_.cut(valid, false)) {
                if (part.id >= 0) continue;
                pre_tokenizer.split(part.text, true, [&](std::string_view word) {
                    auto it = counts.find(word);
                    if (it == counts.end()) it = counts.emplace(word, 0).first;
                    ++it->second;
                });
            }
        }
        for (const auto& [text, count] : counts) {
            Word word{{}, count};
            for (size_t position = 0; position < text.size();) {
                size_t begin = position;
                next_code_point(text, position);
                auto symbol = ids_.find(text.substr(begin, position - begin));
                check(symbol != ids_.end(), "the pre-tokenizer for training must end with ByteLevel");
                word.symbols.push_back(symbol->second);
            }
            words_.push_back(std::move(word));
        }
    }

    void merge_all() {
        for (uint32_t i = 0; i < words_.size(); ++i) add_pairs(i, nullptr);
        for (const auto& [pair, stats] : pairs_) queue_.push({stats.count, pair});
        while (static_cast<int32_t>(tokens_.size()) < options_.vocab_size && !queue_.empty()) {
            Candidate best = queue_.top();
            queue_.pop();
            int64_t current = pairs_.at(best.pair).count;
            if (current != best.count) {
                if (current > 0) queue_.push({current, best.pair});
                continue;
            }
            if (current < std::max<int64_t>(options_.min_count, 1)) break;
            merge(best.pair);
        }
    }

    json tokenizer_json() const {
        json vocab = json::object(), added = json::array(), merges = json::array();
        for (size_t id = 0; id < tokens_.size(); ++id) vocab[tokens_[id]] = id;
        for (const AddedToken& token : reserved_.all())
            added.push_back(added_token_json(token.id, token.content, token.special));
        for (const Pair& pair : merges_)
            merges.push_back(
                {tokens_[static_cast<size_t>(pair.first)], tokens_[static_cast<size_t>(pair.second)]});
        return byte_level_bpe_json(added, options_.pre_tokenizer, vocab, merges);
    }

    json config_json() const {
        json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                       {"clean_up_tokenization_spaces", false}};
        for (auto [key, token] :
             {std::pair("bos_token", &options_.bos_token), std::pair("eos_token", &options_.eos_token),
              std::pair("pad_token", &options_.pad_token)}) {
            if (!*token) continue;
            check(reserved_.id_of(**token).has_value(), "the ", key, " '", **token,
                  "' is not among the special and added tokens");
            config[key] = **token;
        }
        return config;
    }

  private:
    int32_t add_token(const std::string& token) {
        auto [it, inserted] = ids_.try_emplace(token, static_cast<int32_t>(tokens_.size()));
        if (inserted) tokens_.push_back(token);
        return it->second;
    }

    void add_reserved(const std::string& token, bool special) {
        check(!token.empty() && is_valid_utf8(token), "a special or added token is empty or not valid UTF-8");
        check(!ids_.contains(token), "the special or added token '", token, "' is given twice");
        AddedToken added;
        added.id = add_token(token);
        added.content = token;
        added.special = special;
        reserved_.add(std::move(added), Normalizer());
    }

    // Counts the pairs of a word; new occurrences are noted in `changed`.
    void add_pairs(uint32_t index, std::vector<Pair>* changed) {
        const Word& word = words_[index];
        for (size_t i = 0; i + 1 < word.symbols.size(); ++i) {
            Pair pair(word.symbols[i], word.symbols[i + 1]);
            PairStats& stats = pairs_[pair];
            stats.count += word.count;
            if (stats.words.empty() || stats.words.back() != index) stats.words.push_back(index);
            if (changed) changed->push_back(pair);
        }
    }

    void remove_pairs(const Word& word) {
        for (size_t i = 0; i + 1 < word.symbols.size(); ++i)
            pairs_.at({word.symbols[i], word.symbols[i + 1]}).count -= word.count;
    }

    void merge(Pair pair) {
        std::string text =
            tokens_[static_cast<size_t>(pair.first)] + tokens_[static_cast<size_t>(pair.second)];
        if (reserved_.id_of(text)) return;  // the text may not spell out a special token by merging
        int32_t id = add_token(text);
        merges_.push_back(pair);
        std::vector<uint32_t> where = std::move(pairs_.at(pair).words);
        pairs_.at(pair).words.clear();
        std::vector<Pair> changed;
        for (uint32_t index : where) {
            Word& word = words_[index];
            std::vector<int32_t> merged;
            for (size_t i = 0; i < word.symbols.size(); ++i) {
                bool here = i + 1 < word.symbols.size() && Pair(word.symbols[i], word.symbols[i + 1]) == pair;
                merged.push_back(here ? id : word.symbols[i]);
                i += here;
            }
            if (merged.size() == word.symbols.size()) continue;
            remove_pairs(word);
            word.symbols = std::move(merged);
            add_pairs(index, &changed);
        }
        std::sort(changed.begin(), changed.end());
        changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
        for (const Pair& other : changed) queue_.push({pairs_.at(other).count, other});
    }

    const BpeTraining& options_;
    AddedTokens reserved_;
    std::vector<std::string> tokens_;  // by id
    std::unordered_map<std::string, int32_t> ids_;
    std::vector<Pair> merges_;
    std::vector<Word> words_;
    std::unordered_map<Pair, PairStats, HashPair> pairs_;
    std::priority_queue<Candidate> queue_;
};

}  // namespace

Tokenizer train_bpe(std::span<const std::string> texts, const BpeTraining& options) {
    Trainer trainer(options);
    trainer.count_words(texts);
    trainer.merge_all();
    return Tokenizer::from_json(trainer.tokenizer_json(), trainer.config_json());
}

}  // namespace r1
