// A stored value of Parquet as JSON, by what the schema says that it means.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "formats/parquet_encodings.h"

namespace r1::parquet {

nlohmann::json to_json(const Node& leaf, const Value& value);

}  // namespace r1::parquet
