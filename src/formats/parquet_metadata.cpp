#include "formats/parquet_metadata.h"

#include "core/check.h"
#include "formats/parquet_thrift.h"

namespace r1::parquet {
namespace {

using Thrift = ThriftReader;

constexpr std::string_view kMagic = "PAR1", kEncrypted = "PARE";
constexpr int kDeepest = 32;
constexpr size_t kMostElements = 10'000;
constexpr int64_t kMostRows = int64_t{1} << 26;

// One entry of the footer's flat list, which is the tree in pre-order.
struct Element {
    std::string name;
    int type = -1, fixed_size = 0, repetition = 0, children = 0, converted = -1, scale = 0;
    int logical = -1;  // the number of the union's field
    int64_t units = 0;
    bool is_signed = true;
};

// The union LogicalType: which of its fields is set is what it says.
void read_logical(Thrift& in, Element& element) {
    in.structure_fields([&](int id, Thrift::Type type) {
        element.logical = id;
        if (type != Thrift::structure) return in.skip(type);
        in.structure_fields([&](int field, Thrift::Type field_type) {
            const bool decimal = id == 5, has_unit = id == 7 || id == 8, integer = id == 10;
            if (decimal && field == 1 && field_type == Thrift::i32) {
                element.scale = static_cast<int>(in.integer());
            } else if (has_unit && field == 2 && field_type == Thrift::structure) {
                in.structure_fields([&](int unit, Thrift::Type unit_type) {
                    element.units = unit == 1 ? 1'000 : unit == 2 ? 1'000'000 : 1'000'000'000;
                    in.skip(unit_type);
                });
            } else {
                if (integer && field == 2) element.is_signed = field_type == Thrift::yes;
                in.skip(field_type);
            }
        });
    });
}

Element read_element(Thrift& in) {
    Element element;
    in.structure_fields([&](int id, Thrift::Type type) {
        const auto number = [&] {
            const int64_t value = in.integer();
            check(value >= 0 && value <= INT32_MAX, "a number of the schema is out of range");
            return static_cast<int>(value);
        };
        if (type == Thrift::i32) {
            switch (id) {
                case 1:
                    element.type = number();
                    return;
                case 2:
                    element.fixed_size = number();
                    return;
                case 3:
                    element.repetition = number();
                    return;
                case 5:
                    element.children = number();
                    return;
                case 6:
                    element.converted = number();
                    return;
                case 7:
                    element.scale = number();
                    return;
                default:
                    return in.skip(type);
            }
        }
        if (id == 4 && type == Thrift::binary) {
            element.name = in.string();
        } else if (id == 10 && type == Thrift::structure) {
            read_logical(in, element);
        } else {
            in.skip(type);
        }
    });
    check(element.repetition <= 2, "the schema has a repetition that is not known");
    return element;
}

// The older annotation ConvertedType and the newer LogicalType say the same.
void set_meaning(Node& node, const Element& element) {
    const auto is = [&](int converted, int logical) {
        return element.converted == converted || element.logical == logical;
    };
    if (is(0, 1) || is(4, 4)) {
        node.meaning = Meaning::text;
    } else if (is(19, 12)) {
        node.meaning = Meaning::json;
    } else if (is(5, 5)) {
        node.meaning = Meaning::decimal;
    } else if (is(6, 6)) {
        node.meaning = Meaning::date;
    } else if (is(7, 7) || element.converted == 8) {
        node.meaning = Meaning::time;
    } else if (is(9, 8) || element.converted == 10) {
        node.meaning = Meaning::timestamp;
    } else if ((element.converted >= 11 && element.converted <= 14) ||
               (element.logical == 10 && !element.is_signed)) {
        node.meaning = Meaning::unsigned_integer;
    } else if (element.logical == 14) {
        node.meaning = Meaning::uuid;
    } else if (element.logical == 15) {
        node.meaning = Meaning::float16;
    }
    node.scale = element.scale;
    node.units_per_second = element.units                                       ? element.units
                            : element.converted == 8 || element.converted == 10 ? 1'000'000
                                                                                : 1'000;
    check(node.scale <= 100, node.name, ": a decimal of scale ", node.scale);
}

class SchemaBuilder {
  public:
    SchemaBuilder(const std::vector<Element>& elements, std::vector<const Node*>& leaves)
        : elements_(elements), leaves_(leaves) {}

    void build(Node& root) {
        const Element& element = next();
        root.kind = Node::structure;
        root.name = element.name;
        add_children(root, element, 0, 0, 1);
        check(at_ == elements_.size(), "the schema has elements outside of its tree");
    }

  private:
    const Element& next() {
        check(at_ < elements_.size(), "the schema ends too soon");
        return elements_[at_++];
    }

    void add_children(Node& node, const Element& element, int def, int rep, int depth) {
        for (int i = 0; i < element.children; ++i) {
            node.children.push_back(std::make_unique<Node>());
            add(*node.children.back(), def, rep, depth);
        }
    }

    // `def` and `rep` are the levels of the parent's value.
    void add(Node& node, int def, int rep, int depth) {
        check(depth <= kDeepest, "the schema is nested deeper than ", kDeepest, " levels");
        const Element& element = next();
        if (element.repetition == 2) {  // repeated without an annotation: a list whose element it is
            node.kind = Node::list;
            node.name = element.name;
            node.def = def, node.element_def = def + 1, node.element_rep = rep + 1;
            node.children.push_back(std::make_unique<Node>());
            add_value(*node.children.back(), element, def + 1, rep + 1, depth);
            return;
        }
        node.optional = element.repetition == 1;
        add_value(node, element, def + node.optional, rep, depth);
    }

    void add_value(Node& node, const Element& element, int def, int rep, int depth) {
        node.name = element.name;
        node.def = def;
        if (element.children == 0) return add_leaf(node, element, def, rep);
        const bool is_list = element.converted == 3 || element.logical == 3;
        const bool is_map = element.converted == 1 || element.converted == 2 || element.logical == 2;
        const bool wraps = element.children == 1 && at_ < elements_.size() && elements_[at_].repetition == 2;
        if (!wraps || (!is_list && !is_map)) {
            node.kind = Node::structure;
            return add_children(node, element, def, rep, depth + 1);
        }
        const Element& repeated = next();
        node.element_def = def + 1, node.element_rep = rep + 1;
        if (is_map && repeated.children == 2) {
            node.kind = Node::map;
            return add_children(node, repeated, def + 1, rep + 1, depth + 1);
        }
        node.kind = Node::list;
        // LogicalTypes.md: a group of one field is a wrapper, unless its name says that it is the element
        const bool wrapper =
            repeated.children == 1 && repeated.name != "array" && repeated.name != element.name + "_tuple";
        if (wrapper) return add_children(node, repeated, def + 1, rep + 1, depth + 1);
        node.children.push_back(std::make_unique<Node>());
        check(depth < kDeepest, "the schema is nested deeper than ", kDeepest, " levels");
        add_value(*node.children.back(), repeated, def + 1, rep + 1, depth + 1);
    }

    void add_leaf(Node& node, const Element& element, int def, int rep) {
        check(element.type >= 0 && element.type <= 7, "the column ", node.name, " has no known type");
        node.kind = Node::leaf;
        node.type = static_cast<Physical>(element.type);
        node.fixed_size = element.fixed_size;
        check(node.type != Physical::fixed_bytes || (node.fixed_size > 0 && node.fixed_size <= 1 << 20),
              "the column ", node.name, " has values of ", node.fixed_size, " bytes");
        set_meaning(node, element);
        node.max_def = def, node.max_rep = rep;
        node.column = leaves_.size();
        leaves_.push_back(&node);
    }

    const std::vector<Element>& elements_;
    std::vector<const Node*>& leaves_;
    size_t at_ = 0;
};

ColumnChunk read_chunk(Thrift& in, size_t file_size) {
    ColumnChunk chunk;
    int64_t data = -1, dictionary = 0;
    bool has_metadata = false;
    in.structure_fields([&](int id, Thrift::Type type) {
        check(id != 1, "its columns lie in another file");
        if (id != 3 || type != Thrift::structure) return in.skip(type);
        has_metadata = true;
        in.structure_fields([&](int field, Thrift::Type field_type) {
            if (field_type != Thrift::i32 && field_type != Thrift::i64) return in.skip(field_type);
            const int64_t value = in.integer();
            switch (field) {
                case 1:
                    check(value >= 0 && value <= 7, "a column has no known type");
                    chunk.type = static_cast<Physical>(value);
                    break;
                case 4:
                    chunk.codec = static_cast<int>(value);
                    break;
                case 5:
                    chunk.values = value;
                    break;
                case 7:
                    chunk.size = value;
                    break;
                case 9:
                    data = value;
                    break;
                case 11:
                    dictionary = value;
                    break;
            }
        });
    });
    check(has_metadata, "a column has no metadata; is it encrypted?");
    if (chunk.values == 0) {  // pyarrow gives such a column no place
        chunk.begin = chunk.size = 0;
        return chunk;
    }
    chunk.begin = dictionary > 0 && dictionary < data ? dictionary : data;
    const auto size = static_cast<int64_t>(file_size);
    check(chunk.begin >= 4 && chunk.size >= 0 && chunk.begin <= size && chunk.size <= size - chunk.begin,
          "a column lies outside of the file");
    check(chunk.values >= 0, "a column has ", chunk.values, " values");
    return chunk;
}

}  // namespace

bool is_parquet(std::string_view file) {
    return file.starts_with(kMagic) || file.starts_with(kEncrypted);
}

Metadata read_metadata(std::string_view file) {
    constexpr size_t tail = 8;  // the footer's size and the magic word
    check(file.size() >= kMagic.size() + tail, "it ends too soon; is the file complete?");
    check(!file.starts_with(kEncrypted) && !file.ends_with(kEncrypted), "it is encrypted");
    check(file.ends_with(kMagic), "it does not end in PAR1; is the file complete?");
    uint64_t footer = 0;
    for (size_t i = 0; i < 4; ++i)
        footer |= uint64_t{static_cast<unsigned char>(file[file.size() - tail + i])} << (8 * i);
    check(footer <= file.size() - tail - kMagic.size(), "its footer is larger than the file");

    Metadata metadata;
    std::vector<Element> elements;
    Thrift in(file.substr(file.size() - tail - footer, footer));
    in.structure_fields([&](int id, Thrift::Type type) {
        if (id == 2 && type == Thrift::list) {
            in.list_items(Thrift::structure, [&] {
                check(elements.size() < kMostElements, "the schema has more than ", kMostElements,
                      " elements");
                elements.push_back(read_element(in));
            });
        } else if (id == 3 && type == Thrift::i64) {
            metadata.rows = in.integer();
        } else if (id == 4 && type == Thrift::list) {
            in.list_items(Thrift::structure, [&] {
                RowGroup& group = metadata.groups.emplace_back();
                in.structure_fields([&](int field, Thrift::Type field_type) {
                    if (field == 1 && field_type == Thrift::list) {
                        in.list_items(Thrift::structure,
                                      [&] { group.columns.push_back(read_chunk(in, file.size())); });
                    } else if (field == 3 && field_type == Thrift::i64) {
                        group.rows = in.integer();
                    } else {
                        in.skip(field_type);
                    }
                });
            });
        } else {
            in.skip(type);
        }
    });
    SchemaBuilder(elements, metadata.leaves).build(metadata.root);
    check(!metadata.leaves.empty(), "it has no columns");
    int64_t rows = 0;
    for (const RowGroup& group : metadata.groups) {
        check(group.rows >= 0 && group.rows <= kMostRows, "a row group of ", group.rows, " rows");
        rows += group.rows;
        check(rows <= kMostRows, "it has more than ", kMostRows, " rows; split it");
        check(group.columns.size() == metadata.leaves.size(), "a row group has ", group.columns.size(),
              " columns, the schema ", metadata.leaves.size());
        for (const Node* leaf : metadata.leaves)
            check(group.columns[leaf->column].type == leaf->type, "the column ", leaf->name,
                  " has another type than the schema says");
    }
    metadata.rows = rows;
    return metadata;
}

}  // namespace r1::parquet
