/** A listener's registration: {@link Kqueue.on}. */
export interface Subscription extends Disposable {
  /** Call the listener no more. Events that come later are for others. */
  stop(): void;
}
