import COTLP
import CProtobufC
import Observability

typealias CKeyValue = Contrail__Otlp__V1__KeyValue
typealias CAnyValue = Contrail__Otlp__V1__AnyValue
typealias CArrayValue = Contrail__Otlp__V1__ArrayValue
typealias CKeyValueList = Contrail__Otlp__V1__KeyValueList

extension ProtobufCEncoder {
    /// Copies text into the arena.
    func text(_ string: String) -> UnsafeMutablePointer<CChar> {
        guard !string.isEmpty else { return emptyText }
        var string = string
        return string.withUTF8 { bytes in
            payload += bytes.count
            return arena.copyString(bytes)
        }
    }

    func makeAttributes(
        _ attributes: Attributes,
        depth: Int = 0
    ) -> UnsafeMutablePointer<UnsafeMutablePointer<CKeyValue>?>? {
        let count = attributes.count
        guard count > 0 else { return nil }
        let list = arena.allocate(UnsafeMutablePointer<CKeyValue>?.self, count: count)
        let pairs = arena.allocate(CKeyValue.self, count: count)
        let values = arena.allocate(CAnyValue.self, count: count)
        for index in 0..<count {
            let element = attributes[index]
            let pair = pairs + index
            contrail__otlp__v1__key_value__init(pair)
            pair.pointee.key = text(element.key)
            fill(values + index, with: element.value, depth: depth)
            pair.pointee.value = values + index
            list[index] = pair
        }
        return list
    }

    /// A member of the oneof is always set, also to zero, false or empty, because that is what tells the types apart.
    private func fill(_ message: UnsafeMutablePointer<CAnyValue>, with value: AttributeValue, depth: Int) {
        contrail__otlp__v1__any_value__init(message)
        switch value {
        case .string(let string):
            message.pointee.value_case = CONTRAIL__OTLP__V1__ANY_VALUE__VALUE_STRING_VALUE
            message.pointee.string_value = text(string)
        case .bool(let bool):
            message.pointee.value_case = CONTRAIL__OTLP__V1__ANY_VALUE__VALUE_BOOL_VALUE
            message.pointee.bool_value = bool ? 1 : 0
        case .int(let number):
            message.pointee.value_case = CONTRAIL__OTLP__V1__ANY_VALUE__VALUE_INT_VALUE
            message.pointee.int_value = number
        case .double(let number):
            message.pointee.value_case = CONTRAIL__OTLP__V1__ANY_VALUE__VALUE_DOUBLE_VALUE
            message.pointee.double_value = number
        case .bytes(let bytes):
            message.pointee.value_case = CONTRAIL__OTLP__V1__ANY_VALUE__VALUE_BYTES_VALUE
            message.pointee.bytes_value = data(bytes)
        case .array(let elements):
            message.pointee.value_case = CONTRAIL__OTLP__V1__ANY_VALUE__VALUE_ARRAY_VALUE
            message.pointee.array_value = makeArray(depth < Self.depthLimit ? elements : [], depth: depth + 1)
        case .map(let elements):
            message.pointee.value_case = CONTRAIL__OTLP__V1__ANY_VALUE__VALUE_KVLIST_VALUE
            message.pointee.kvlist_value = makeMap(depth < Self.depthLimit ? elements : [:], depth: depth + 1)
        case .empty:
            break
        }
    }

    private func makeMap(_ elements: Attributes, depth: Int) -> UnsafeMutablePointer<CKeyValueList> {
        let message = arena.allocate(CKeyValueList.self, count: 1)
        contrail__otlp__v1__key_value_list__init(message)
        message.pointee.n_values = elements.count
        message.pointee.values = makeAttributes(elements, depth: depth)
        // A pair takes four bytes or more even when it is empty.
        payload += elements.count * 4
        return message
    }

    private func makeArray(_ elements: [AttributeValue], depth: Int) -> UnsafeMutablePointer<CArrayValue> {
        let message = arena.allocate(CArrayValue.self, count: 1)
        contrail__otlp__v1__array_value__init(message)
        let list = arena.allocate(UnsafeMutablePointer<CAnyValue>?.self, count: elements.count)
        let values = arena.allocate(CAnyValue.self, count: elements.count)
        for (index, element) in elements.enumerated() {
            fill(values + index, with: element, depth: depth)
            list[index] = values + index
        }
        message.pointee.n_values = elements.count
        message.pointee.values = list
        // An element takes two bytes or more even when it is empty.
        payload += elements.count * 2
        return message
    }

    private func data(_ bytes: [UInt8]) -> ProtobufCBinaryData {
        let copy = arena.allocate(UInt8.self, count: bytes.count)
        copy.initialize(from: bytes, count: bytes.count)
        payload += bytes.count
        return ProtobufCBinaryData(len: bytes.count, data: copy)
    }
}
