// Runs a fuzzer over its corpus, which holds seeds and every input that once broke something.
#include <gtest/gtest.h>

#include <cstdint>

#include "core/files.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

TEST(Fuzz, ReplaysTheCorpus) {
    int files = 0;
    for (const auto& entry : r1::fs::directory_iterator(R1_CORPUS)) {
        const std::string bytes = r1::read_file(entry.path());
        LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
        ++files;
    }
    EXPECT_GT(files, 0);
}
