// What tests on a GPU share. Where there is none, they skip and say so.
#pragma once
#include <gtest/gtest.h>

#include "core/stream.h"

namespace r1 {

// Why no GPU can be used here; empty if one can.
inline std::string missing_gpu() {
    try {
        check_device(Device::cuda);
        return {};
    } catch (const Error& error) {
        return error.what();
    }
}

}  // namespace r1

#define R1_NEED_GPU() \
    if (const std::string why = r1::missing_gpu(); !why.empty()) GTEST_SKIP() << why
