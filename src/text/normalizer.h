// The "normalizer" of a tokenizer.json: NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Replace, Strip, ByteLevel,
// Sequence.
#pragma once
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace r1 {

class Normalizer {
  public:
    Normalizer() = default;                           // changes nothing
    explicit Normalizer(const nlohmann::json& spec);  // null changes nothing; throws on an unknown type
    std::string apply(std::string_view text) const;   // valid UTF-8 to valid UTF-8; thread-safe

  private:
    void add(const nlohmann::json& spec, int depth);
    std::vector<std::function<std::string(const std::string&)>> steps_;
};

}  // namespace r1
