import { DefaultValuePipe } from '@nestjs/common';
import { Args, Field, ID, Int, Mutation, ObjectType, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Session, SessionService, UserId } from 'nestjs-token-session';

export interface Viewed {
  views: number;
  theme: string;
  [key: string]: unknown;
}

@ObjectType()
export class Viewer {
  @Field(() => ID, { nullable: true })
  id?: string;
}

/** Whoever asks, as their session has it: by a query, by field resolvers, changed by mutations. */
@Resolver(() => Viewer)
export class ViewerResolver {
  constructor(private readonly sessions: SessionService) {}

  @Query(() => Viewer)
  viewer(@Session() session: Session<Viewed>): Viewer {
    return session.id === undefined ? {} : { id: session.id };
  }

  @ResolveField(() => String, { nullable: true })
  user(@UserId() userId: string | undefined): string | undefined {
    return userId;
  }

  @ResolveField(() => Int)
  views(@Session() session: Session<Viewed>): number {
    return session.views ?? 0;
  }

  @ResolveField(() => String)
  theme(@Session('theme', new DefaultValuePipe('light')) theme: string): string {
    return theme;
  }

  /** Mutations may be nested, and fields of one object run side by side. */
  @ResolveField(() => String)
  async noted(@Session() session: Session<Viewed>, @Args('key') key: string): Promise<string> {
    await Promise.resolve();
    session[key] = true;
    return Object.keys(session).sort().join();
  }

  @Mutation(() => Int)
  addView(@Session() session: Session<Viewed>): number {
    return (session.views = (session.views ?? 0) + 1);
  }

  @Mutation(() => Viewer)
  choose(@Session() session: Session<Viewed>, @Args('theme') theme: string): Viewer {
    session.theme = theme;
    return {};
  }

  @Mutation(() => Viewer)
  async login(@Session() session: Session<Viewed>, @Args('user') user: string): Promise<Viewer> {
    await this.sessions.login(session, user, { keep: ['theme'] });
    return {};
  }

  @Mutation(() => Boolean)
  async logout(@Session() session: Session): Promise<boolean> {
    await this.sessions.destroy(session);
    return true;
  }
}
