import type { KernelFacts } from '../abi/index.js';
import { hostDialect } from '../host/index.js';
import { type Decoder, decoderOf } from './decoder.js';
import { type Encoder, encoderOf } from './encoder.js';

let dialect: KernelFacts | undefined;
let encoder: Encoder | undefined;
let decoder: Decoder | undefined;

/** The facts of the running kernel, found at the first call, not at import. */
export function runningDialect(): KernelFacts {
  dialect ??= hostDialect();
  return dialect;
}

/** The running kernel's encoder. */
export function runningEncoder(): Encoder {
  encoder ??= encoderOf(runningDialect());
  return encoder;
}

/** The running kernel's decoder. */
export function runningDecoder(): Decoder {
  decoder ??= decoderOf(runningDialect());
  return decoder;
}
