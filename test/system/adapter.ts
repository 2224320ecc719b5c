// What hangs at the other end of an emulated USB adapter's RS-232 cable, and the hand that plugs the adapter in and
// pulls it out (image/emulator/boards.ts, SerialAdapter).
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { SerialAdapter } from '../../image/emulator/boards.ts';

/** A test sends some hundred bytes; more is a service that runs in circles. */
const KEPT_CHARS_MAX = 64 * 1_024;

/** As udev names an adapter with this number. */
export const deviceOf = (number: string): string =>
  `/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_${number}-if00-port0`;

export class Cable implements SerialAdapter {
  readonly number: string;
  readonly socket: string;
  #other: Socket | undefined;
  #heard = '';

  constructor(number: string, socket: string) {
    this.number = number;
    this.socket = socket;
  }

  /** All that the unit has sent since it was plugged in last. */
  get heard(): string {
    return this.#heard;
  }

  /** Resolves when QEMU has it; the guest needs a moment more. */
  async plug(): Promise<void> {
    const other = connect(this.socket);
    other.on('error', () => {});
    this.#heard = '';
    other.on('data', (bytes) => {
      this.#heard = (this.#heard + bytes.toString('latin1')).slice(-KEPT_CHARS_MAX);
    });
    await once(other, 'connect');
    this.#other = other;
  }

  send(text: string): void {
    if (this.#other === undefined) throw new Error(`${this.number} is not plugged in`);
    this.#other.write(text, 'latin1');
  }

  unplug(): void {
    this.#other?.destroy();
    this.#other = undefined;
  }
}
