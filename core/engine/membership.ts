// The fibers of a context, in order of arrival. Joining and leaving take constant time, and a context of one fiber, as most are, has
// no list.

import type { Cancelled } from "./cancelled.js";

/** What a context needs to know of a fiber. */
export interface Member {
  readonly id: number;
  readonly name: string | undefined;
  /** Where in the list of its context it is; for {@link Membership} alone. */
  place: number;
  /** Gives up the current wait, if there is one that can be given up. */
  interrupt(error: Cancelled): void;
}

/** Below this length, holes are not worth closing. */
const SHORT = 32;

export abstract class Membership {
  /** The one member, as long as there is no list. */
  private only: Member | undefined = undefined;
  // A member that leaves makes a hole, so that the others keep their places; many holes are closed at once.
  private list: (Member | undefined)[] | undefined = undefined;
  private holes = 0;

  /** @internal */
  addMember(member: Member): void {
    const { list, only } = this;
    if (list) {
      member.place = list.length;
      list.push(member);
    } else if (only) {
      only.place = 0;
      member.place = 1;
      this.list = [only, member];
      this.only = undefined;
    } else this.only = member;
  }

  /** @internal */
  removeMember(member: Member): void {
    const { list } = this;
    if (!list) {
      this.only = undefined;
      return;
    }
    if (member.place === list.length - 1) {
      list.pop();
      for (; list.length > 0 && list[list.length - 1] === undefined; this.holes--) list.pop();
      return;
    }
    list[member.place] = undefined;
    if (2 * ++this.holes > list.length && list.length > SHORT) this.close();
  }

  private close(): void {
    const members = this.members();
    members.forEach((member, place) => (member.place = place));
    this.list = members;
    this.holes = 0;
  }

  /** @internal A copy of the list. */
  members(): Member[] {
    if (this.list) return this.list.filter((member) => member !== undefined);
    return this.only ? [this.only] : [];
  }
}
