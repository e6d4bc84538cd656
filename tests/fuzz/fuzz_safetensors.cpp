#include "core/check.h"
#include "formats/safetensors.h"
#include "fuzz/input_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const r1::InputFile input(data, size);
    try {
        const r1::Safetensors file(input.path());
        for (const std::string& name : file.names()) {
            std::vector<float> values(static_cast<size_t>(file.shape(name).numel()));
            file.read(name, values);
        }
    } catch (const r1::Error&) {
    }
    return 0;
}
