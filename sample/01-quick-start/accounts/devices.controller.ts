import { Controller, Delete, Get, Header, HttpCode, NotFoundException, Param } from '@nestjs/common';
import { RequireLogin, Session, SessionService, UserId, type SessionDevice } from 'nestjs-token-session';

/** A session as its user sees it in the list: where it began, and when it was last used, in ms. */
export interface DeviceView {
  id: string;
  label: string | undefined;
  device: SessionDevice | undefined;
  usedAt: number;
  isThisOne: boolean;
}

/** "My sessions": where a user is signed in. Each user sees and ends their own, and no others. */
@Controller('api/devices')
@RequireLogin()
export class DevicesController {
  constructor(private readonly sessions: SessionService) {}

  @Get()
  @Header('Cache-Control', 'no-store')
  async list(@Session() sess: Session, @UserId() userId: string): Promise<DeviceView[]> {
    const sessions = await this.sessions.list(userId);
    return sessions.map(({ id, label, device, usedAt }) => ({ id, label, device, usedAt, isThisOne: id === sess.id }));
  }

  @Delete('others')
  @HttpCode(204)
  async signOutOthers(@Session() sess: Session, @UserId() userId: string): Promise<void> {
    await this.sessions.destroyAll(userId, { except: sess });
  }

  @Delete(':id')
  @HttpCode(204)
  async signOut(@UserId() userId: string, @Param('id') id: string): Promise<void> {
    if (!(await this.sessions.destroyById(userId, id))) throw new NotFoundException('You have no such session.');
  }
}
