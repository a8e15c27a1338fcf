/** Lengths have at most four bytes of seven bits each (MQTT 3.1.1, 2.2.3; MQTT 5, 1.5.5). */
const longestLengthBytes = 4;

const publishType = 3;

/** Why nothing more of a connection may pass. */
export interface PacketRefusal {
  readonly code: 'packet-too-large' | 'packet-invalid';
  readonly detail: string;
}

/** What the first bytes of a packet say about it. */
export interface PacketHead {
  /** The first byte: type and flags. */
  readonly first: number;
  /** Bytes that were read to know this; of a PUBLISH all that comes before its properties and payload. */
  readonly headBytes: number;
  /** The whole packet, its fixed header included. */
  readonly packetBytes: number;
  readonly publish?: PublishHead;
}

export interface PublishHead {
  readonly topic: string;
  /** Two bytes where the message has QoS 1, none where it has QoS 0. */
  readonly packetId: Uint8Array;
  readonly payloadBytes: number;
}

/** More bytes are wanted: so many from the start of the packet. */
export interface Unfinished {
  readonly needBytes: number;
}

/**
 * Reads a packet's head: the fixed header, and of a PUBLISH the topic, the packet identifier and, in MQTT 5,
 * the length of the properties, so that the size of the payload is known before any of it has come.
 *
 * @param bytes the packet from its first byte on, as far as it has come
 */
export function readPacketHead(
  bytes: Buffer,
  protocol: 4 | 5,
): PacketHead | Unfinished | PacketRefusal {
  const first = bytes[0];
  if (first === undefined) return { needBytes: 1 };
  const isPublish = first >> 4 === publishType;
  // Subscriptions are for QoS 1 at most, and a broker keeps to what it granted (MQTT 3.1.1, 3.8.4). Messages
  // at QoS 2 would pile up until their release, which a broker can withhold.
  if (isPublish && ((first >> 1) & 3) > 1) {
    return { code: 'packet-invalid', detail: 'a message above QoS 1, which nobody asked for' };
  }
  const length = readLength(bytes, 1);
  if (length === 'endless') {
    return { code: 'packet-too-large', detail: 'a packet whose length has no end' };
  }
  if ('needBytes' in length) return length;
  const packetBytes = length.end + length.value;
  if (!isPublish) return { first, headBytes: length.end, packetBytes };
  return readPublishHead(bytes, { first, start: length.end, packetBytes, protocol });
}

function readPublishHead(
  bytes: Buffer,
  packet: {
    readonly first: number;
    /** Where the variable header begins (MQTT 3.1.1, 3.3.2; MQTT 5, 3.3.2). */
    readonly start: number;
    readonly packetBytes: number;
    readonly protocol: 4 | 5;
  },
): PacketHead | Unfinished | PacketRefusal {
  const { first, start, packetBytes, protocol } = packet;
  const idBytes = ((first >> 1) & 3) === 0 ? 0 : 2;
  const topicStart = start + 2;
  if (topicStart > packetBytes) return cutShort;
  if (topicStart > bytes.length) return { needBytes: topicStart };
  const topicEnd = topicStart + bytes.readUInt16BE(start);
  let headBytes = topicEnd + idBytes;
  let propertyBytes = 0;
  if (headBytes > packetBytes) return cutShort;
  if (protocol === 5) {
    const length = readLength(bytes, headBytes);
    if (length === 'endless') return cutShort;
    if ('needBytes' in length) return length.needBytes > packetBytes ? cutShort : length;
    headBytes = length.end;
    propertyBytes = length.value;
  }
  if (headBytes > bytes.length) return { needBytes: headBytes };
  const payloadBytes = packetBytes - headBytes - propertyBytes;
  if (payloadBytes < 0) return cutShort;
  const packetId = bytes.subarray(topicEnd, topicEnd + idBytes);
  const topic = bytes.toString('utf8', topicStart, topicEnd);
  return { first, headBytes, packetBytes, publish: { topic, packetId, payloadBytes } };
}

const cutShort: PacketRefusal = {
  code: 'packet-invalid',
  detail: 'a message whose parts are longer than the whole',
};

function readLength(
  bytes: Buffer,
  start: number,
): { readonly value: number; readonly end: number } | Unfinished | 'endless' {
  let value = 0;
  for (let i = 0; i < longestLengthBytes; i++) {
    const byte = bytes[start + i];
    if (byte === undefined) return { needBytes: start + i + 1 };
    value += (byte & 0x7f) * 128 ** i;
    if ((byte & 0x80) === 0) return { value, end: start + i + 1 };
  }
  return 'endless';
}
