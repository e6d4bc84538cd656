// The "decoder" of a tokenizer.json: tokens to bytes and text.
#pragma once
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace r1 {

class Decoder {
  public:
    // ByteLevel, Replace, ByteFallback, Fuse, Strip and Sequences of them; null joins tokens with spaces.
    explicit Decoder(const nlohmann::json& spec);
    std::string decode(std::vector<std::string> tokens) const;  // valid UTF-8, as `tokenizers` gives it
    // What one token adds to a running text: for ByteLevel its raw bytes, whose concatenation decode() makes
    // valid.
    std::string token_bytes(std::string_view token) const;

  private:
    using Step = std::function<std::vector<std::string>(std::vector<std::string>)>;
    void add(const nlohmann::json& spec, int depth);
    std::vector<Step> steps_;
    std::vector<std::function<std::string(std::string)>> byte_steps_;  // of one token
    bool joins_with_spaces_ = false;
};

}  // namespace r1
