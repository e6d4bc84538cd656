#include "core/check.h"
#include "formats/gguf.h"
#include "fuzz/input_file.h"
#include "model/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const r1::InputFile input(data, size);
    try {
        const r1::Gguf file(input.path());
        for (const std::string& name : file.names()) {
            std::vector<float> values(static_cast<size_t>(file.shape(name).numel()));
            file.read(name, values);
        }
        r1::config_from_gguf(file);
    } catch (const r1::Error&) {
    }
    return 0;
}
