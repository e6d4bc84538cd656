#include "formats/gguf.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "core/rng.h"
#include "formats/gguf_names.h"
#include "formats/safetensors.h"
#include "formats/temp_folder.h"

namespace r1 {
namespace {

const fs::path golden_folder = fs::path(R1_SOURCE_DIR) / "tests/golden/formats";

std::vector<float> read_all(const TensorSource& source, const std::string& name) {
    std::vector<float> values(static_cast<size_t>(source.shape(name).numel()));
    source.read(name, values);
    return values;
}

void expect_same_bits(const std::vector<float>& a, const std::vector<float>& b, const std::string& what) {
    ASSERT_EQ(a.size(), b.size()) << what;
    for (size_t i = 0; i < a.size(); ++i)
        ASSERT_EQ(std::bit_cast<uint32_t>(a[i]), std::bit_cast<uint32_t>(b[i])) << what << " " << i;
}

TEST(Gguf, DequantisesAndReordersAsTheReference) {
    const Gguf file(golden_folder / "golden.gguf");
    const Safetensors expected(golden_folder / "golden_gguf.safetensors");
    EXPECT_EQ(file.names().size(), 15u);
    for (const std::string& name : file.names()) {
        EXPECT_EQ(file.shape(name), expected.shape(name)) << name;
        expect_same_bits(read_all(file, name), read_all(expected, name), name);
    }
    for (const char* type :
         {"Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K", "F16", "BF16", "F32"})
        EXPECT_EQ(file.stored_type(type), type);
}

TEST(Gguf, QuantisesAsTheReference) {
    const Safetensors golden(golden_folder / "golden_gguf.safetensors");
    const auto values = read_all(golden, "quantise.values");
    const auto expected = golden.entry("quantise.Q8_0").bytes;
    std::vector<std::byte> blocks(expected.size());
    quantise_q8_0(values, blocks);
    EXPECT_EQ(std::memcmp(blocks.data(), expected.data(), blocks.size()), 0);

    std::vector<float> bad(32, 1.0f);
    blocks.resize(34);
    bad[3] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_THROW(quantise_q8_0(bad, blocks), Error);
    bad[3] = 1e7f;
    EXPECT_THROW(quantise_q8_0(bad, blocks), Error);
    quantise_q8_0(std::vector<float>(32, 1e-42f), blocks);  // the scale is far below what f16 holds
    std::vector<float> zeros(32, 1.0f);
    dequantise(GgmlType::q8_0, blocks, zeros);
    EXPECT_EQ(zeros, std::vector<float>(32, 0.0f));
}

TEST(Gguf, ReadsTypedMetadata) {
    const Gguf file(golden_folder / "golden.gguf");
    const GgufMetadata& metadata = file.metadata();
    EXPECT_EQ(file.architecture(), "llama");
    EXPECT_EQ(metadata.integer("llama.attention.head_count"), 4);
    EXPECT_EQ(metadata.integer("absent", 5), 5);
    EXPECT_EQ(metadata.integer("test.int8"), -8);
    EXPECT_FLOAT_EQ(static_cast<float>(metadata.number("llama.attention.layer_norm_rms_epsilon")), 1e-5f);
    EXPECT_EQ(metadata.number("test.float64"), 0.1);
    EXPECT_TRUE(metadata.boolean("test.bool", false));
    EXPECT_EQ(metadata.strings("tokenizer.ggml.tokens"),
              (std::vector<std::string>{"a", "é", "", "<|im_end|>"}));
    EXPECT_EQ(metadata.integers("tokenizer.ggml.token_type"), (std::vector<int64_t>{1, 1, 3, -1}));
    const auto& nested = std::get<GgufArray>(*metadata.find("test.nested"));
    EXPECT_EQ(std::get<std::vector<GgufArray>>(nested.items).size(), 2u);

    EXPECT_THROW(metadata.integer("test.uint64"), Error);
    EXPECT_THROW(metadata.integer("test.bool"), Error);
    EXPECT_THROW(metadata.text("test.int8"), Error);
    EXPECT_THROW(metadata.text("absent"), Error);
    EXPECT_THROW(metadata.strings("test.nested"), Error);
    EXPECT_THROW(metadata.boolean("test.int8", false), Error);
}

TEST(Gguf, TranslatesNamesBothWays) {
    for (const auto& [gguf, hf] : std::vector<std::pair<std::string, std::string>>{
             {"token_embd.weight", "model.embed_tokens.weight"},
             {"output.weight", "lm_head.weight"},
             {"output_norm.weight", "model.norm.weight"},
             {"blk.0.attn_q.weight", "model.layers.0.self_attn.q_proj.weight"},
             {"blk.31.attn_k.bias", "model.layers.31.self_attn.k_proj.bias"},
             {"blk.2.attn_q_norm.weight", "model.layers.2.self_attn.q_norm.weight"},
             {"blk.2.attn_output.weight", "model.layers.2.self_attn.o_proj.weight"},
             {"blk.2.ffn_norm.weight", "model.layers.2.post_attention_layernorm.weight"},
             {"blk.2.ffn_down.weight", "model.layers.2.mlp.down_proj.weight"},
             {"rope_freqs.weight", "rope_freqs.weight"}}) {
        EXPECT_EQ(hf_tensor_name(gguf), hf);
        EXPECT_EQ(gguf_tensor_name(hf), gguf);
    }
    for (const char* odd :
         {"", "blk.", "blk.weight", "blk..", "blk.0.", "blk.0.attn_q", "blk.0.unknown.weight"})
        EXPECT_EQ(hf_tensor_name(odd), odd);
}

struct Sample {
    std::vector<std::vector<float>> storage;
    std::vector<NamedTensor> tensors;
    GgufMetadata metadata;

    void add(const std::string& name, Shape shape) {
        Rng rng(storage.size());
        auto& values = storage.emplace_back(static_cast<size_t>(shape.numel()));
        for (float& value : values) value = bf16_to_f32(f32_to_bf16(rng.normal()));
        tensors.push_back({name, {values.data(), DType::f32, shape}});
    }
};

Sample sample() {
    Sample made;
    made.storage.reserve(8);
    made.add("model.embed_tokens.weight", {7, 64});
    made.add("model.layers.0.self_attn.q_proj.weight", {64, 64});
    made.add("model.layers.0.self_attn.k_proj.weight", {32, 64});
    made.add("model.layers.0.self_attn.q_proj.bias", {64});
    made.add("model.layers.0.mlp.down_proj.weight", {3, 24});
    made.add("model.norm.weight", {64});
    made.metadata.set("general.architecture", std::string("llama"));
    made.metadata.set("llama.attention.head_count", uint32_t{4});
    made.metadata.set("llama.attention.head_count_kv", uint32_t{2});
    made.metadata.set("tokenizer.ggml.tokens", GgufArray{std::vector<std::string>{"a", "", "\xff"}});
    made.metadata.set("test.nested", GgufArray{std::vector<GgufArray>{{std::vector<bool>{true, false}}}});
    made.metadata.set("test.bool", true);
    made.metadata.set("test.double", 0.25);
    return made;
}

TEST(Gguf, RoundTripsInEveryWrittenType) {
    const TempFolder folder;
    const Sample made = sample();
    for (const GgmlType type : {GgmlType::f32, GgmlType::f16, GgmlType::bf16, GgmlType::q8_0}) {
        const fs::path path = folder / "a.gguf";
        write_gguf(path, made.metadata, made.tensors, type);
        const Gguf file(path);
        for (const auto& [key, value] : made.metadata.values())
            EXPECT_EQ(file.metadata().values().at(key), value);
        EXPECT_TRUE(file.metadata().find("general.file_type"));
        for (size_t i = 0; i < made.tensors.size(); ++i) {
            const auto& [name, tensor] = made.tensors[i];
            EXPECT_EQ(file.shape(name), tensor.shape);
            const bool matrix = tensor.shape.ndim == 2;
            const bool whole_blocks = tensor.shape[1] % 32 == 0;
            const GgmlType stored = !matrix                                   ? GgmlType::f32
                                    : type == GgmlType::q8_0 && !whole_blocks ? GgmlType::f16
                                                                              : type;
            EXPECT_EQ(file.stored_type(name), name_of(stored)) << name;
            const auto back = read_all(file, name);
            for (size_t j = 0; j < back.size(); ++j) {
                const float tolerance = stored == GgmlType::q8_0  ? 0.03f
                                        : stored == GgmlType::f16 ? 1e-6f
                                                                  : 0.0f;
                ASSERT_NEAR(back[j], made.storage[i][j], tolerance) << name << " " << j;
            }
        }
        const std::string first = read_file(path);
        write_gguf(path, made.metadata, made.tensors, type);
        EXPECT_EQ(read_file(path), first);
    }
    EXPECT_THROW(write_gguf(folder / "b.gguf", made.metadata, made.tensors, GgmlType::q4_k), Error);
    EXPECT_FALSE(fs::exists(folder / "b.gguf"));
}

TEST(Gguf, RefusesEveryTruncationAndSurvivesEveryBitFlipOfTheHeader) {
    const TempFolder folder;
    const fs::path path = folder / "a.gguf";
    Sample made = sample();
    made.tensors.resize(1);
    write_gguf(path, made.metadata, made.tensors, GgmlType::f16);
    const std::string good = read_file(path);
    const size_t data_bytes = 7 * 64 * 2;
    ASSERT_EQ(good.size() % 32, 0u);
    damage_file(
        path, good, good.size() - data_bytes, [&](size_t size) { EXPECT_THROW(Gguf{path}, Error) << size; },
        [&] {
            try {
                const Gguf file(path);
                for (const std::string& name : file.names()) read_all(file, name);
            } catch (const Error&) {
            }
        });
}

// A file that is put together by hand, with one thing wrong.
struct Bytes {
    std::string text;
    template <class T>
    Bytes& put(T value) {
        text.append(reinterpret_cast<const char*>(&value), sizeof value);
        return *this;
    }
    Bytes& put_text(const std::string& value) {
        put(uint64_t{value.size()});
        text += value;
        return *this;
    }
    static Bytes header(uint64_t tensors, uint64_t keys, uint32_t version = 3) {
        Bytes bytes{"GGUF"};
        return bytes.put(version).put(tensors).put(keys);
    }
    static Bytes tensor(std::vector<uint64_t> dims, uint32_t type, uint64_t offset, size_t data_bytes) {
        Bytes bytes = header(1, 1);
        bytes.put_text("general.architecture").put(uint32_t{8}).put_text("llama");
        bytes.put_text("w").put(static_cast<uint32_t>(dims.size()));
        for (uint64_t dim : dims) bytes.put(dim);
        bytes.put(type).put(offset);
        bytes.text.resize((bytes.text.size() + 31) / 32 * 32 + data_bytes);
        return bytes;
    }
};

std::string refused(const Bytes& bytes) {
    const TempFolder folder;
    write_quickly(folder / "bad.gguf", bytes.text);
    return error_of([&] { Gguf{folder / "bad.gguf"}; });
}

TEST(Gguf, RefusesHostileFiles) {
    constexpr uint64_t huge = ~uint64_t{0};
    EXPECT_NE(refused(Bytes::header(0, 0, 1)).find("version 1"), std::string::npos);
    EXPECT_NE(refused(Bytes::header(0, 0, 0x03000000)).find("big-endian"), std::string::npos);
    refused({"GGML"});
    refused(Bytes::header(huge, 0));
    refused(Bytes::header(0, huge));
    refused(Bytes::header(0, 1).put(huge));                                       // key length
    refused(Bytes::header(0, 1).put_text("k").put(uint32_t{13}).put(huge));       // unknown type
    refused(Bytes::header(0, 1).put_text("k").put(uint32_t{8}).put(huge));        // string length
    refused(Bytes::header(0, 1).put_text("k").put(uint32_t{7}).put(uint8_t{2}));  // bool
    refused(Bytes::header(0, 1).put_text("k").put(uint32_t{9}).put(uint32_t{4}).put(huge / 4 + 2));
    refused(Bytes::header(0, 1).put_text("k").put(uint32_t{9}).put(uint32_t{8}).put(huge / 8));
    refused(Bytes::header(0, 2)
                .put_text("k")
                .put(uint32_t{0})
                .put(uint8_t{1})
                .put_text("k")
                .put(uint32_t{0})
                .put(uint8_t{1}));
    Bytes deep = Bytes::header(0, 1).put_text("k").put(uint32_t{9});
    for (int i = 0; i < 100'000; ++i) deep.put(uint32_t{9}).put(uint64_t{1});
    EXPECT_NE(refused(deep).find("nested"), std::string::npos);
    for (uint32_t alignment : {0u, 3u, 1u << 31})
        refused(Bytes::header(0, 1).put_text("general.alignment").put(uint32_t{4}).put(alignment));

    const TempFolder folder;
    write_quickly(folder / "good.gguf", Bytes::tensor({32, 2}, 8, 0, 68).text);
    EXPECT_EQ(Gguf(folder / "good.gguf").shape("w"), Shape({2, 32}));
    refused(Bytes::tensor({32, 2}, 8, 0, 67));
    refused(Bytes::tensor({32, 2}, 8, 32, 68));
    refused(Bytes::tensor({32, 2}, 8, 16, 160));
    refused(Bytes::tensor({32, 2}, 8, huge - 31, 68));
    refused(Bytes::tensor({31, 2}, 8, 0, 68));
    EXPECT_NE(refused(Bytes::tensor({32, 2}, 10, 0, 68)).find("type 10"), std::string::npos);
    refused(Bytes::tensor({}, 0, 0, 68));
    refused(Bytes::tensor({1, 1, 1, 1, 1}, 0, 0, 68));
    refused(Bytes::tensor({0}, 0, 0, 68));
    refused(Bytes::tensor({uint64_t{1} << 32, uint64_t{1} << 32}, 0, 0, 68));
    refused(Bytes::tensor({(uint64_t{1} << 62) + 1}, 0, 0, 68));
}

// Only where someone has the file: export R1_SMOLLM2=SmolLM2-135M-Instruct.Q4_1.gguf
TEST(Gguf, LoadsARealModel) {
    const char* path = std::getenv("R1_SMOLLM2");
    if (!path) GTEST_SKIP() << "R1_SMOLLM2 is not set";
    const Gguf file(path);
    EXPECT_EQ(file.names().size(), 272u);
    EXPECT_EQ(file.metadata().strings("tokenizer.ggml.tokens").size(), 49152u);
    for (const std::string& name : file.names()) {
        double sum = 0;
        for (const float value : read_all(file, name)) sum += std::fabs(value);
        const double mean = sum / static_cast<double>(file.shape(name).numel());
        EXPECT_TRUE(mean > 1e-3 && mean < 100) << name << " " << mean;
    }
}

}  // namespace
}  // namespace r1
