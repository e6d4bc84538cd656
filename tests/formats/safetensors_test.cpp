#include "formats/safetensors.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <limits>

#include "core/rng.h"
#include "formats/temp_folder.h"

namespace r1 {
namespace {

const fs::path golden = fs::path(R1_SOURCE_DIR) / "tests/golden/formats/golden.safetensors";

std::vector<float> read_all(const TensorSource& source, const std::string& name) {
    std::vector<float> values(static_cast<size_t>(source.shape(name).numel()));
    source.read(name, values);
    return values;
}

std::string file_of(const std::string& header, const std::string& data) {
    const uint64_t size = header.size();
    return std::string(reinterpret_cast<const char*>(&size), 8) + header + data;
}

// The error for a file with this header and `data_bytes` bytes of data.
std::string refused(const std::string& header, size_t data_bytes = 8) {
    const TempFolder folder;
    const fs::path path = folder / "bad.safetensors";
    write_quickly(path, file_of(header, std::string(data_bytes, '\0')));
    const std::string error = error_of([&] { Safetensors{path}; });
    EXPECT_NE(error.find(path.string()), std::string::npos) << error;
    return error;
}

TEST(Safetensors, ReadsEveryTypeOfTheReferenceImplementation) {
    const Safetensors file(golden);
    for (const char* name : {"F32", "F16", "BF16", "F64", "I64", "I32", "I16", "I8", "U8"}) {
        EXPECT_EQ(read_all(file, name), (std::vector<float>{0, 1, 2, 100})) << name;
        EXPECT_EQ(file.stored_type(name), name);
        EXPECT_EQ(file.shape(name), Shape({2, 2}));
    }
    EXPECT_EQ(read_all(file, "BOOL"), (std::vector<float>{1, 0}));
    EXPECT_EQ(read_all(file, "scalar"), (std::vector<float>{2.5f}));
    EXPECT_EQ(file.shape("scalar").ndim, 0);
    EXPECT_TRUE(read_all(file, "empty").empty());
    EXPECT_EQ(file.metadata().at("format"), "pt");
    EXPECT_EQ(file.names().size(), 12u);
}

TEST(Safetensors, RoundTripsBitsAndConvertsToBf16) {
    const TempFolder folder;
    const fs::path path = folder / "a.safetensors";
    Rng rng(1);
    std::vector<float> w(70'000);
    for (float& value : w) value = std::bit_cast<float>(rng.next());  // NaN and infinity among them
    std::vector<int32_t> ids = {1, -2, std::numeric_limits<int32_t>::max()};
    std::vector<int64_t> steps = {-1};
    const std::vector<NamedTensor> tensors = {
        {"ids", {ids.data(), DType::i32, {3}}},
        {"w", {w.data(), DType::f32, {700, 100}}},
        {"steps", {steps.data(), DType::i64, {}}},
    };
    write_safetensors(path, tensors, {}, {{"step", "7"}});

    const Safetensors file(path);
    EXPECT_EQ(file.names(), (std::vector<std::string>{"steps", "ids", "w"}));  // wider dtypes first
    std::vector<float> w_back(w.size());
    file.read_exact("w", {w_back.data(), DType::f32, {700, 100}});
    EXPECT_EQ(std::memcmp(w.data(), w_back.data(), w.size() * sizeof(float)), 0);
    int64_t step = 0;
    file.read_exact("steps", {&step, DType::i64, {}});
    EXPECT_EQ(step, -1);
    EXPECT_EQ(file.metadata().at("step"), "7");
    EXPECT_THROW(file.read_exact("w", {w_back.data(), DType::f32, {100, 700}}), Error);
    EXPECT_THROW(file.read_exact("ids", {w_back.data(), DType::f32, {3}}), Error);
    EXPECT_THROW(file.read("w", std::span(w_back).first(3)), Error);
    EXPECT_THROW(file.shape("none"), Error);
    for (const std::string& name : file.names())
        EXPECT_EQ(reinterpret_cast<uintptr_t>(file.entry(name).bytes.data()) % size_of(DType::f32), 0u);

    const std::string first = read_file(path);
    write_safetensors(path, tensors, {}, {{"step", "7"}});
    EXPECT_EQ(read_file(path), first);

    write_safetensors(path, tensors, DType::bf16);
    const Safetensors halves(path);
    EXPECT_EQ(halves.stored_type("w"), "BF16");
    EXPECT_EQ(halves.stored_type("ids"), "I32");
    const std::vector<float> rounded = read_all(halves, "w");
    for (size_t i = 0; i < w.size(); ++i)
        ASSERT_EQ(std::bit_cast<uint32_t>(rounded[i]),
                  std::bit_cast<uint32_t>(bf16_to_f32(f32_to_bf16(w[i]))));
}

TEST(Safetensors, WritesShardsWithAnIndex) {
    const TempFolder folder;
    std::vector<float> values(1000);
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
    std::vector<NamedTensor> tensors;
    for (int i = 0; i < 10; ++i)
        tensors.push_back({"layer." + std::to_string(i), {values.data() + i * 100, DType::f32, {10, 10}}});

    write_model_safetensors(folder.path(), tensors, {}, 1000);  // 400 bytes each: two in a shard
    EXPECT_TRUE(fs::exists(folder / "model-00005-of-00005.safetensors"));
    EXPECT_FALSE(fs::exists(folder / "model.safetensors"));
    for (const fs::path& path : {folder.path(), folder / "model.safetensors.index.json"}) {
        const auto source = open_tensors(path);
        EXPECT_EQ(source->names().size(), 10u);
        EXPECT_EQ(read_all(*source, "layer.7"),
                  std::vector<float>(values.begin() + 700, values.begin() + 800));
    }

    fs::remove(folder / "model-00003-of-00005.safetensors");
    EXPECT_NE(error_of([&] { open_tensors(folder.path()); }).find("model-00003-of-00005"), std::string::npos);

    write_model_safetensors(folder.path(), tensors);
    EXPECT_EQ(open_tensors(folder / "model.safetensors")->names().size(), 10u);
}

TEST(Safetensors, RefusesABadIndex) {
    const TempFolder folder;
    const fs::path index = folder / "model.safetensors.index.json";
    write_safetensors(folder / "a.safetensors", {});
    for (const char* text :
         {"", "[]", "{}", "{\"weight_map\":[]}", "{\"weight_map\":{\"w\":1}}",
          "{\"weight_map\":{\"w\":\"../a.safetensors\"}}", "{\"weight_map\":{\"w\":\"/etc/passwd\"}}",
          "{\"weight_map\":{\"w\":\"a.safetensors\"}}",
          "{\"weight_map\":{\"w\":\"a\\u0000.safetensors\"}}"}) {
        write_quickly(index, text);
        EXPECT_THROW(Safetensors{index}, Error) << text;
    }
    EXPECT_NE(error_of([&] { open_tensors(folder / "none"); }).find("does not exist"), std::string::npos);
}

TEST(Safetensors, RefusesHostileHeaders) {
    const std::string good = R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
    const auto with = [](const char* dtype, const char* shape, const char* offsets) {
        return cat(R"({"w":{"dtype":)", dtype, R"(,"shape":)", shape, R"(,"data_offsets":)", offsets, "}}");
    };
    EXPECT_NE(refused(good, 7).find("complete"), std::string::npos);
    EXPECT_NE(refused(good, 9).find("belong to none"), std::string::npos);
    EXPECT_NE(refused(with("\"F8\"", "[8]", "[0,8]")).find("F8"), std::string::npos);
    refused(with("1", "[2]", "[0,8]"));
    refused(with("\"F32\"", "[3]", "[0,8]"));
    refused(with("\"F32\"", "2", "[0,8]"));
    refused(with("\"F32\"", "[-2]", "[0,8]"));
    refused(with("\"F32\"", "[2.0]", "[0,8]"));
    refused(with("\"F32\"", "[1,1,1,1,2]", "[0,8]"));
    const auto no_data = refused(with("\"F32\"", "[4294967296,4294967296]", "[0,0]"), 0);  // 2^64 wraps to 0
    EXPECT_NE(no_data.find("too many"), std::string::npos) << no_data;
    refused(with("\"F32\"", "[9223372036854775808,2]", "[0,8]"));
    refused(with("\"F32\"", "[4611686018427387906]", "[0,8]"));  // times 4 wraps to 8
    refused(with("\"F32\"", "[0,18446744073709551615]", "[0,0]"), 0);
    refused(with("\"F32\"", "[2]", "[8,0]"));
    refused(with("\"F32\"", "[2]", "[0,8,8]"));
    refused(with("\"F32\"", "[2]", "[18446744073709551608,18446744073709551615]"));
    refused(with("\"F32\"", "[2]", "[0,99999999999999999999999]"));
    refused(with("\"F32\"", "[1e999]", "[0,8]"));
    refused(R"({"w":{"dtype":"F32","shape":[2]}})");
    refused(R"({"w":[]})");
    refused("[]");
    refused("");
    refused(good + "x");
    refused(R"({"__metadata__":{"a":1}})", 0);
    refused(R"({"__metadata__":[]})", 0);
    refused("{\"\xff\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}");
    refused(std::string(1'000'000, '['));
    refused(
        R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})");
    refused(
        R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
        12);
    const std::string same = R"("dtype":"F32","shape":[1],"data_offsets":[0,4]})";
    EXPECT_NE(refused("{\"a\":{" + same + ",\"b\":{" + same + "}").find("overlap"), std::string::npos);
}

TEST(Safetensors, RefusesEveryTruncationAndSurvivesEveryBitFlip) {
    const TempFolder folder;
    const fs::path path = folder / "a.safetensors";
    const std::string good = read_file(golden);
    damage_file(
        path, good, good.size(), [&](size_t size) { EXPECT_THROW(Safetensors{path}, Error) << size; },
        [&] {
            try {
                const Safetensors file(path);
                for (const std::string& name : file.names()) read_all(file, name);
            } catch (const Error&) {
            }
        });
}

TEST(Safetensors, WritesNothingWhenItFails) {
    const TempFolder folder;
    float large = 1e6f;
    const std::vector<NamedTensor> tensors = {{"w", {&large, DType::f32, {1}}}};
    EXPECT_NE(
        error_of([&] { write_safetensors(folder / "a.safetensors", tensors, DType::f16); }).find("too large"),
        std::string::npos);
    EXPECT_TRUE(fs::is_empty(folder.path()));
    const std::vector<NamedTensor> twice = {tensors[0], tensors[0]};
    EXPECT_THROW(write_safetensors(folder / "a.safetensors", twice), Error);
}

}  // namespace
}  // namespace r1
