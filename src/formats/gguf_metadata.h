// The typed key-value part of a GGUF file.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace r1 {

// The alternatives of both variants are in the order of the format's type ids, so that index() is the id.
struct GgufArray {
    std::variant<std::vector<uint8_t>, std::vector<int8_t>, std::vector<uint16_t>, std::vector<int16_t>,
                 std::vector<uint32_t>, std::vector<int32_t>, std::vector<float>, std::vector<bool>,
                 std::vector<std::string>, std::vector<GgufArray>, std::vector<uint64_t>,
                 std::vector<int64_t>, std::vector<double>>
        items;
    bool operator==(const GgufArray&) const = default;
};
using GgufValue = std::variant<uint8_t, int8_t, uint16_t, int16_t, uint32_t, int32_t, float, bool,
                               std::string, GgufArray, uint64_t, int64_t, double>;

// Typed look-ups throw, naming the key, if it has another type (any integer type serves as an integer, any
// number as a number) or if it is absent and no fallback is given.
class GgufMetadata {
  public:
    const GgufValue* find(const std::string& key) const;  // null if absent
    int64_t integer(const std::string& key) const;
    int64_t integer(const std::string& key, int64_t fallback) const;
    double number(const std::string& key) const;
    double number(const std::string& key, double fallback) const;
    bool boolean(const std::string& key, bool fallback) const;
    std::string text(const std::string& key) const;
    std::string text(const std::string& key, const std::string& fallback) const;
    const std::vector<std::string>& strings(const std::string& key) const;  // an array of strings
    std::vector<int64_t> integers(const std::string& key) const;            // an array of any integer type

    // Replaces. Strings and vectors become values as they are: set("tokenizer.ggml.model",
    // std::string("gpt2")), set("tokenizer.ggml.tokens", GgufArray{tokens}), set("llama.block_count",
    // uint32_t{30}).
    void set(const std::string& key, GgufValue value) { values_[key] = std::move(value); }
    const std::map<std::string, GgufValue>& values() const { return values_; }
    bool operator==(const GgufMetadata&) const = default;

  private:
    std::map<std::string, GgufValue> values_;
};

}  // namespace r1
